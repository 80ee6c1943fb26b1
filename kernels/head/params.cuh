// Parameters of the head's kernels.
//
// Forward:  pooled[c] = mean over pixels of x[pixel,c],  logits[k] = bias[k] + sum over c of pooled[c] * w[c,k]
// Backward: dpool[c] = 1/pixels * sum over k of seed[k] * w[c,k],  dz[pixel,c] = gate(dpool[c] * 2^s)
#pragma once
#include "common/gate_bit.cuh"
#include "common/stored.cuh"

struct HeadPool {
  Stored x;       // [n, pixels, channels]
  float* pooled;  // [n, channels]
  u32 n, pixels, channels, pad;
};

struct HeadDense {
  const float* pooled;  // [n, channels]
  const float* weight;  // [channels, classes]
  const float* bias;    // [classes]
  float* logits;        // [n, classes]
  u32 n, channels, classes, pad;
};

struct HeadDgrad {
  const float* seeds;   // [n, classes]
  const float* weight;  // [channels, classes]
  float* dpool;         // [n, channels]
  u32 n, pixels, channels, classes;
};

struct HeadSpread {
  const float* dpool;  // [n, channels]
  const u32* gates;    // of x, in raster order; null for none
  Stored dz;           // [n, pixels, channels]
  float* unscale;      // [n]
  u32 n, pixels, channels, rule;
  int binade;          // the largest |dpool| of an image goes to 2^binade to 2^(binade+1)
  u32 scaled;          // 0: s = 0 whatever the seed
};
