// The CPU half of device.cuh: what kernels see when they are compiled as plain C++ and every CUDA thread is a fiber.
// Included by device.cuh only.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "emu/thread.h"
#include "emu/vectors.h"
#include "emu/bits.h"
#include "emu/arithmetic.h"
#include "emu/memory.h"
#include "emu/atomics.h"
#include "emu/convert.h"
#include "emu/warp.h"
#include "emu/tensor.h"
#include "emu/hopper.h"
