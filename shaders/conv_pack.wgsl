// Filters in the order in which helpers of a convolution read them: TILE neighbours side by side for each tap.
//
//   packed[g TILES + t, i, tap, f] = weight[g FILTERS + t TILE + f, i, tap], 0 behind the last filter of a group
//
// Grid: x = taps of all channels of a filter, z = tiles of all groups.
// Numerics: exact.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override FILTERS: u32; // of a group
override TILE: u32;    // 4, 8, 16, 32 or 64
override TILES: u32;   // of a group
override TAPS: u32;    // of a filter, CHANNELS KH KW

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    tiles: u32,        // of all groups
}

@group(0) @binding(0) var<storage, read> weight: array<u32>;           // [filters of all groups, TAPS]
@group(0) @binding(1) var<storage, read_write> packed: array<vec4<f32>>; // [tiles, TAPS, TILE / 4]
@group(0) @binding(2) var<uniform> params: Params;

fn weight_at(filter_index: u32, tile: u32, tap: u32) -> f32 {
    let within = tile % TILES * TILE + filter_index;
    if (within >= FILTERS) { return 0.0; }
    let at = (tile / TILES * FILTERS + within) * TAPS + tap;
    if (HALF) { return unpack2x16float(weight[4u * x_at(0u) + (at >> 1u)])[at & 1u]; }
    return bitcast<f32>(weight[4u * x_at(0u) + at]);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.x >= TAPS || id.z >= params.tiles) { return; }
    for (var f = 0u; f < TILE; f += 4u) {
        packed[y_at(((id.z * TAPS + id.x) * TILE + f) / 4u)] = vec4(
            weight_at(f, id.z, id.x),
            weight_at(f + 1u, id.z, id.x),
            weight_at(f + 2u, id.z, id.x),
            weight_at(f + 3u, id.z, id.x),
        );
    }
}
