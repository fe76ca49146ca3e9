// The weights of a tile of filters, loaded before they are used: helpers/tile.wgsl.
//
// Of the kernel: `weights`, those that a thread has loaded, [taps, TILE / 4].

fn load_weight(i: u32, count: u32, first: u32) {
    if (i < count) { weights[i] = packed[first + i]; }
}

// Adds what tap kw meets to the sums of filter f; kh: the row of the loaded weights.
fn add_tap(sum: Sums, kw: u32, f: u32, kh: u32) -> Sums {
    if (kw >= KW) { return sum; }
    return add_weighted(sum, kw, weights[((kh * KW + kw) * TILE + f) / 4u][f & 3u]);
}
