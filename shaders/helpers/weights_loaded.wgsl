// The packed weights of a convolution in a storage buffer: those of HELD taps are loaded before they are used.
//
// Of the kernel: HELD, at most 9 for eight filters, as TILE; where the tiles of a dispatch begin, params.packed_base, is in
// what it calls `first`.

@group(0) @binding(1) var<storage, read> packed: array<vec4<f32>>; // [GROUPS TILES, CHANNELS, KH KW, TILE / 4]

var<private> weights: array<vec4<f32>, 18>;

fn load_weight(i: u32, first: u32) {
    if (i < HELD * TILE / 4u) { weights[i] = packed[first + i]; }
}

// Loads the weights of HELD taps, which begin at `first`.
fn load_weights(first: u32) {
    load_weight(0u, first);
    load_weight(1u, first);
    load_weight(2u, first);
    load_weight(3u, first);
    load_weight(4u, first);
    load_weight(5u, first);
    load_weight(6u, first);
    load_weight(7u, first);
    load_weight(8u, first);
    load_weight(9u, first);
    load_weight(10u, first);
    load_weight(11u, first);
    load_weight(12u, first);
    load_weight(13u, first);
    load_weight(14u, first);
    load_weight(15u, first);
    load_weight(16u, first);
    load_weight(17u, first);
}

// The weight of one of those taps, of filter f.
fn weight_of(first: u32, tap: u32, f: u32) -> f32 {
    return weights[(min(tap, HELD - 1u) * TILE + f) / 4u][f & 3u];
}
