// The tile of sums of a thread of a convolution: eight neighbours in an output row, of each filter. All is written out: what
// is indexed in a loop is not in registers.
//
// Of the kernel: `packed`, the weights; `sums`, the tile; `weights`, those that a thread has loaded, [taps, TILE / 4].

// Sums of eight neighbouring outputs.
struct Sums {
    left: vec4<f32>,
    right: vec4<f32>,
}

fn load_weight(i: u32, count: u32, first: u32) {
    if (i < count) { weights[i] = packed[first + i]; }
}

// Adds what tap kw meets to the sums of filter f; kh: the row of the loaded weights.
fn add_tap(sum: Sums, kw: u32, f: u32, kh: u32) -> Sums {
    if (kw >= KW) { return sum; }
    let w = weights[((kh * KW + kw) * TILE + f) / 4u][f & 3u];
    let left = fma(vec4(w), tap(kw, 0u), sum.left);
    if (COLUMNS > 4u) { return Sums(left, fma(vec4(w), tap(kw, 4u), sum.right)); }
    return Sums(left, sum.right);
}

// Stores sums of filter f, which is the `within`-th of its group, in an output row.
fn store_sums(sum: Sums, f: u32, within: u32, place: Place) {
    if (f >= TILE || within >= FILTERS || place.height >= params.output_h) { return; }
    let filter_index = place.depth * FILTERS + within;
    let offset = bias_at(filter_index);
    let row = ((place.plane * GROUPS * FILTERS + filter_index) * params.output_h + place.height) * params.output_w;
    let count = min(COLUMNS, params.output_w - place.column);
    store_numbers(row + place.column, count, filter_index, sum.left + offset, sum.right + offset);
}
