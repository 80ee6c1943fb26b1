// What all probes take: words in, words out. A probe runs one block and shows what single instructions do with the bits
// it is given, so that a GPU and the emulator can be compared word by word.
#pragma once
#include "device.cuh"

struct ProbeParams {
  const u32* in;
  u32* out;
};
