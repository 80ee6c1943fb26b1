// conv / 02_mma_bf16: 02_mma with bfloat16 storage, the range-safe switch of `half`. A file of its own, so that nobody
// waits for the compilation of kernels that are not asked for.
//
// Computes, shapes, bound, floor and prediction as 02_mma: both formats run at the same rate.
//
// opcodes all: HMMA.16816.F32.BF16 LDSM LDGSTS
// shared conv_mma_bf16_*_64x64 all: 32768
// shared conv_mma_bf16_*_128x64 all: 49152
// shared conv_mma_bf16_*_128x128 all: 65536
#include "conv/mma.cuh"

CONV_MMA(conv_mma_bf16_fwd_64x64, MathBf16, false, 64, 64, 1)
CONV_MMA(conv_mma_bf16_fwd_128x64, MathBf16, false, 128, 64, 2)
CONV_MMA(conv_mma_bf16_fwd_128x128, MathBf16, false, 128, 128, 2)
CONV_MMA(conv_mma_bf16_dgrad_64x64, MathBf16, true, 64, 64, 1)
CONV_MMA(conv_mma_bf16_dgrad_128x64, MathBf16, true, 128, 64, 2)
CONV_MMA(conv_mma_bf16_dgrad_128x128, MathBf16, true, 128, 128, 2)
