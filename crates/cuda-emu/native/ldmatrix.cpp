// ldmatrix: 8x8 tiles of 16-bit values from shared memory into fragments. Lane 8t + i gives the address of row i of
// tile t; lane l receives elements 2(l%4), 2(l%4)+1 of row l/4 of every tile, or with .trans of column l/4.
#include <algorithm>
#include "runtime.h"

namespace emu {
namespace {
// Passes over the banks that eight rows of 16 bytes need.
u32 passes(const u32 (&at)[8]) {
  u32 hits[8] = {};
  for (u32 a : at) hits[a >> 4 & 7]++;
  return *std::max_element(hits, hits + 8);
}
}  // namespace

void run_ldmatrix(Worker& w, Meeting& m) {
  const LdmatrixArg& one = *static_cast<LdmatrixArg*>(m.arg[0]);
  const int tiles = one.tiles;
  const bool transposed = m.op == OP_LDMATRIX_T;
  const u32 warp = cur->warp;
  for (int n = 0; n < one.count; n++) {
    u16 tile[4][8][8];
    for (int t = 0; t < tiles; t++) {
      u32 at[8];
      for (int i = 0; i < 8; i++) {
        at[i] = static_cast<LdmatrixArg*>(m.arg[t * 8 + i])->at[n];
        if (at[i] & 15) fail("ldmatrix: address %u of lane %d is not a multiple of 16", at[i], t * 8 + i);
        const u8* row = shared_range(w, at[i], 16, "ldmatrix");
        if (w.checked) chk_access_as(&w.fibers[warp * WARP + t * 8 + i], row, 16, 0, running().pc);
        memcpy(tile[t][i], row, 16);
      }
      if (w.counting) {
        w.stats.ldm_phases += passes(at);
        w.stats.ldm_ideal++;
      }
    }
    for (u32 lane = 0; lane < WARP; lane++) {
      u32* r = static_cast<LdmatrixArg*>(m.arg[lane])->r + n * tiles;
      const u32 row = lane >> 2, col = (lane & 3) * 2;
      for (int t = 0; t < tiles; t++) {
        r[t] = transposed ? tile[t][col][row] | (u32)tile[t][col + 1][row] << 16
                          : tile[t][row][col] | (u32)tile[t][row][col + 1] << 16;
      }
    }
  }
}
}  // namespace emu
