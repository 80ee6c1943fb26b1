// CUDA's vector types, with CUDA's alignments.
#pragma once

struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct float3 { float x, y, z; };
struct alignas(16) double2 { double x, y; };
struct alignas(16) uint4 { u32 x, y, z, w; };
struct alignas(8) uint2 { u32 x, y; };
struct uint3 { u32 x, y, z; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct int3 { int x, y, z; };
struct alignas(4) uchar4 { u8 x, y, z, w; };
struct alignas(8) ushort4 { u16 x, y, z, w; };
struct alignas(4) ushort2 { u16 x, y; };
DEV float2 make_float2(float x, float y) { return {x, y}; }
DEV float3 make_float3(float x, float y, float z) { return {x, y, z}; }
DEV float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
DEV double2 make_double2(double x, double y) { return {x, y}; }
DEV uint2 make_uint2(u32 x, u32 y) { return {x, y}; }
DEV uint3 make_uint3(u32 x, u32 y, u32 z) { return {x, y, z}; }
DEV uint4 make_uint4(u32 x, u32 y, u32 z, u32 w) { return {x, y, z, w}; }
DEV int2 make_int2(int x, int y) { return {x, y}; }
DEV int3 make_int3(int x, int y, int z) { return {x, y, z}; }
DEV int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
DEV uchar4 make_uchar4(u8 x, u8 y, u8 z, u8 w) { return {x, y, z, w}; }
DEV ushort2 make_ushort2(u16 x, u16 y) { return {x, y}; }
DEV ushort4 make_ushort4(u16 x, u16 y, u16 z, u16 w) { return {x, y, z, w}; }
