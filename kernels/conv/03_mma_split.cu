// 03_mma_split
