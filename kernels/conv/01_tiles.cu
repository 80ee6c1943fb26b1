// 01_tiles
