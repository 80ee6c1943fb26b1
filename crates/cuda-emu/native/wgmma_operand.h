// Operands of wgmma in shared memory, read as float32.
#pragma once
#include "device.cuh"

namespace emu {
struct Worker;
// The operand [count][16] as out[mn][16]. `transposed`: MN-major in shared memory.
void read_rows(Worker& w, u64 descriptor, bool transposed, bool bf16, u32 count, float* out);
// The same as out[k * pitch + mn].
void read_columns(Worker& w, u64 descriptor, bool transposed, bool bf16, u32 count, u32 pitch, float* out);
// Tells the checker of all that will be read.
void visit_operand(Worker& w, u64 descriptor, bool transposed, u32 count, const void* pc);
}  // namespace emu
