// 16-bit floats and tf32. To nearest, ties to even (tf32: away from zero); NaN as the GPU writes it.
#pragma once

DEV float bf16_to_f32(bf16 v) { return __uint_as_float((u32)v.x << 16); }
DEV bf16 f32_to_bf16(float f) {
  u32 u = __float_as_uint(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return bf16{0x7fff};
  return bf16{(u16)((u + 0x7fff + ((u >> 16) & 1)) >> 16)};
}
DEV float f16_to_f32(f16 v) { return (float)emu_bits<_Float16>(v.x); }
DEV f16 f32_to_f16(float f) { return f != f ? f16{0x7fff} : f16{emu_bits<u16>((_Float16)f)}; }
DEV u32 pack_f16(float lo, float hi) { return (u32)f32_to_f16(lo).x | ((u32)f32_to_f16(hi).x << 16); }
DEV u32 pack_bf16(float lo, float hi) { return (u32)f32_to_bf16(lo).x | ((u32)f32_to_bf16(hi).x << 16); }
DEV u32 f32_to_tf32(float f) {
  u32 u = __float_as_uint(f);
  if ((u & 0x7f800000u) == 0x7f800000u) return u & 0x007fffffu ? 0x7fffffffu : u;
  return (u + 0x1000u) & ~0x1fffu;
}
