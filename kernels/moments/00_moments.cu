// moments: running mean, spread and mean size of gradients over samples, in double precision, in sample order.
//
//   distance = g - mean,  mean += share * distance,  spread += weight * distance * (g - mean),  absolute += weight * |g|
//
// (Welford 1962; weights as West 1979 has them.) The same operations in the same order as on the host: the same bits.
// One thread an element, all samples of a batch. Bound by memory: 4 bytes a sample and 48 bytes a batch; at 8 samples
// a batch 1.5 MB a sample, 0.35 us at 4.3 TB/s.
// opcodes all: DADD LDG.E.64
#include "device.cuh"

struct MomentsAdd {
  const float* gradients;  // [samples, len]
  const double* weights;   // [samples, 2]: weight, share in the weight of all samples so far
  double* sums;            // [3, len]: mean, spread, absolute
  u32 samples, len;
  u32 first;               // 1: the sums so far are zero and are not read
  u32 pad;
};

KERNEL __launch_bounds__(256) moments_add(const __grid_constant__ MomentsAdd p) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.len) return;
  double* const mean_at = p.sums + i;
  double* const spread_at = mean_at + p.len;
  double* const absolute_at = spread_at + p.len;
  double mean = 0.0, spread = 0.0, absolute = 0.0;
  if (!p.first) {
    mean = *mean_at;
    spread = *spread_at;
    absolute = *absolute_at;
  }
  for (u32 s = 0; s < p.samples; s++) {
    const double weight = p.weights[2 * s], share = p.weights[2 * s + 1];
    const double g = (double)p.gradients[(u64)s * p.len + i];
    const double distance = g - mean;
    mean += share * distance;
    spread += weight * distance * (g - mean);
    absolute += weight * fabs(g);
  }
  *mean_at = mean;
  *spread_at = spread;
  *absolute_at = absolute;
}
EXPORT_KERNEL(moments_add)

struct MomentsFinish {
  const double* sums;   // [3, len]
  const double* total;  // one: the weight of all samples
  float* mean;          // all [len]
  float* mean_absolute;
  float* mean_square;
  float* variance;
  u32 len, pad;
};

KERNEL __launch_bounds__(256) moments_finish(const __grid_constant__ MomentsFinish p) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i >= p.len) return;
  const double total = *p.total, mean = p.sums[i], share = p.sums[(u64)p.len + i] / total;
  const double variance = share > 0.0 ? share : 0.0;
  p.mean[i] = (float)mean;
  p.mean_absolute[i] = (float)(p.sums[2 * (u64)p.len + i] / total);
  p.mean_square[i] = (float)(mean * mean + variance);
  p.variance[i] = (float)variance;
}
EXPORT_KERNEL(moments_finish)
