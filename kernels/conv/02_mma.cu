// conv / 02_mma: 16-bit tensor cores by mma.sync. The engine of `half`, and the backward pass of `mixed`.
//
// Computes  what params.cuh says; products of 16-bit values are exact in float32, sums are float32.
// Shapes    NHWC f16; blocks of 64 x 64 (4 warps of 16 x 64), 128 x 64 (4 warps of 32 x 64) and 128 x 128
//           (8 warps of 32 x 64) rows x columns. 4 stages of 32 channels: 32, 48 and 64 KiB.
// Bound by  tensor cores for 3x3, memory for most 1x1. Floor on an H200, v1 without dead code: 6.96 GFLOP each way
//           at 420 TFLOP/s (what mma.sync reaches there) = 17 us an image; memory 12.4 us. Predicted at batch 64:
//           60 % of it, 28 us each way.
// Before    01_tiles. New here: the inner product is an instruction.
//
// opcodes all: HMMA.16816.F32 LDSM LDGSTS
// opcodes conv_mma_f16_fwd_* all: LDSM.16.MT88.4
// opcodes conv_mma_f16_dgrad_* all: LDSM.16.M88.4
// shared conv_mma_f16_*_64x64 all: 32768
// shared conv_mma_f16_*_128x64 all: 49152
// shared conv_mma_f16_*_128x128 all: 65536
#include "conv/mma.cuh"

CONV_MMA(conv_mma_f16_fwd_64x64, MathF16, false, 64, 64, 1)
CONV_MMA(conv_mma_f16_fwd_128x64, MathF16, false, 128, 64, 2)
CONV_MMA(conv_mma_f16_fwd_128x128, MathF16, false, 128, 128, 2)
CONV_MMA(conv_mma_f16_dgrad_64x64, MathF16, true, 64, 64, 1)
CONV_MMA(conv_mma_f16_dgrad_128x64, MathF16, true, 128, 64, 2)
CONV_MMA(conv_mma_f16_dgrad_128x128, MathF16, true, 128, 128, 2)
