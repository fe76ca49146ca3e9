// Bytes of four pixels that begin anywhere; behind the last byte of all, that one.

fn byte_at(first: u32, i: u32, last: u32) -> u32 {
    let at = min(first + i, last);
    return extractBits(x[at >> 2u], (at & 3u) * 8u, 8u);
}
