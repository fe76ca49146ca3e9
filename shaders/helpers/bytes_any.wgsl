// Four bytes that begin anywhere; behind the last byte of all, any value.

fn word_at(first: u32, last: u32) -> u32 {
    let shift = (first & 3u) * 8u;
    let low = x[min(first, last) >> 2u] >> shift;
    let high = x[min(first + 3u, last) >> 2u];
    return select(low | (high << ((32u - shift) & 31u)), low, shift == 0u);
}
