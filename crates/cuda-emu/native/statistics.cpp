// Counting what launches do.
#include <algorithm>
#include "runtime.h"

namespace emu {
// Passes over the banks that the cp.async of 16 bytes of a block needed: a quarter of a warp goes at once.
void count_copies(Worker& w) {
  for (u32 i = 0; i < w.warps; i++) {
    for (const CopyRecord& r : w.warp[i].records) {
      for (u32 quarter = 0; quarter < 4; quarter++) {
        u32 hits[8] = {}, any = 0;
        for (u32 lane = quarter * 8; lane < quarter * 8 + 8; lane++) {
          if (!(r.lanes >> lane & 1)) continue;
          hits[r.dst[lane] >> 4 & 7]++;
          any = 1;
        }
        w.stats.cpa_phases += *std::max_element(hits, hits + 8);
        w.stats.cpa_ideal += any;
      }
    }
    w.warp[i].records.clear();
  }
}
}  // namespace emu
