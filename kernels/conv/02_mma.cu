// 02_mma
