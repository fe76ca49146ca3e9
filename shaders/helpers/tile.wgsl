// The tile of sums of a thread of a convolution: eight neighbours in an output row, of each filter. All is written out: what
// is indexed in a loop is not in registers.
//
// Of the kernel: `sums`, the tile; GROUPS, TILES.

override OUTER: bool = false; // along z, a tile of all pictures is before the next tile: few tiles are of one dispatch

// Which tile of all groups a thread makes.
fn tile_of(z: u32) -> u32 {
    if (OUTER) { return z / params.batch; }
    return z % (GROUPS * TILES);
}

fn picture_of(z: u32) -> u32 {
    if (OUTER) { return z % params.batch; }
    return z / (GROUPS * TILES);
}

// Sums of eight neighbouring outputs.
struct Sums {
    left: vec4<f32>,
    right: vec4<f32>,
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
