//! Models: collectives of the warp, ldmatrix.

pub(crate) fn collectives(v: &[u32]) -> Vec<u32> {
    let all = |f: fn(u32, u32) -> u32| v.iter().copied().reduce(f).expect("32 lanes");
    let votes = (0..32).fold(0, |votes, i| votes | ((v[i] >> 2 & 1) << i));
    let signed = |f: fn(i32, i32) -> i32| v.iter().map(|&x| x as i32).reduce(f).expect("32 lanes") as u32;
    let any = u32::from(v.contains(&v[0])) + 2;
    (0..32usize)
        .flat_map(|lane| {
            // Lanes outside the group of `width` are out of reach: the lane keeps its own value (indexed: wraps around).
            let group = |width: usize| lane / width * width;
            let near = |src: usize, width: usize| if src / width * width == group(width) { v[src] } else { v[lane] };
            let wide = (u64::from(v[31 - lane]) << 32) | (31 - lane) as u64;
            [
                v[(v[lane] & 31) as usize],
                v[group(8) + lane * 3 % 8],
                v[lane ^ 5],
                // The partner may lie in a lower group, not in a higher one.
                if (lane ^ 9) / 8 > lane / 8 { v[lane] } else { v[lane ^ 9] },
                if lane + 3 < 32 { v[lane + 3] } else { v[lane] },
                if lane + 3 < 32 { near(lane + 3, 16) } else { v[lane] },
                if lane >= 7 { v[lane - 7] } else { v[lane] },
                if lane >= 2 { near(lane - 2, 4) } else { v[lane] },
                (wide >> 32) as u32 ^ wide as u32,
                votes,
                any,
                all(u32::wrapping_add),
                all(u32::min) ^ signed(i32::min),
                all(u32::max) ^ signed(i32::max),
                v.iter().fold(!0, |r, x| r & (x | 0xffff)) ^ v.iter().fold(0, |r, x| r | x & 0x00ff_00ff),
                v.iter().fold(0, |r, x| r ^ x),
            ]
        })
        .collect()
}

pub(crate) fn ldmatrix(input: &[u32]) -> Vec<u32> {
    let half = |chunk: u32, i: usize| -> u32 {
        let word = input[32 + chunk as usize * 4 + i / 2];
        word >> (16 * (i % 2)) & 0xffff
    };
    // Element (row, col) of tile `t`: its row begins at the chunk that lane 8t + row names.
    let element = |t: usize, row: usize, col: usize| half(input[8 * t + row] % 64, col);
    (0..32usize)
        .flat_map(|lane| {
            let (row, col) = (lane / 4, lane % 4 * 2);
            let plain = |t: usize| element(t, row, col) | element(t, row, col + 1) << 16;
            let turned = |t: usize| element(t, col, row) | element(t, col + 1, row) << 16;
            let mut out = vec![plain(0), turned(0)];
            for tiles in [2, 4] {
                out.extend((0..tiles).map(plain));
                out.extend((0..tiles).map(turned));
            }
            out
        })
        .collect()
}
