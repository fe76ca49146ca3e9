// The packed weights of a convolution in a uniform buffer, from which the threads of a subgroup have one at the cost of one.
//
// Of the kernel: HELD, TILE; where the tiles of a dispatch begin, params.packed_base, is in what it calls `first`.

@group(0) @binding(1) var<uniform> packed: array<vec4<f32>, 3072>; // [GROUPS TILES, CHANNELS, KH KW, TILE / 4]

fn load_weights(first: u32) {}

// The weight of a tap of filter f, from those that begin at `first`.
fn weight_of(first: u32, tap: u32, f: u32) -> f32 {
    return packed[first + (min(tap, HELD - 1u) * TILE + f) / 4u][f & 3u];
}
