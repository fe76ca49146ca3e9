// Bytes of four pixels that begin at a word.

fn byte_at(first: u32, i: u32, last: u32) -> u32 {
    return extractBits(x[(first >> 2u) + (i >> 2u)], (i & 3u) * 8u, 8u);
}
