// 00_naive
