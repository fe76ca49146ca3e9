// The lanes of the output that rows of two inputs share: concat_lanes.wgsl makes the others. A row of `a` ends in one of them, and
// that of `b` begins; where there are no other inputs (BOTH), a row of `b` ends in another, and that of `a` in the next picture begins.
//
// Grid: x = pictures; y = 1, or 2 if BOTH.
// Numerics: exact, on bits.
// Source: torch.cat(dim=1).

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override BOTH: bool = false;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    pictures: u32,     // N
    row: u32,          // elements of a row of a, at least a lane
    behind: u32,       // elements of a row of b, at least a lane
    base: u32,         // elements of a row of the output before those of a
    output_row: u32,   // elements of a row of the output
    next: u32,         // 1 if the row of b is the first of the next picture
}

@group(0) @binding(0) var<storage, read> a: array<vec4<u32>>;       // [pictures, row]
@group(0) @binding(1) var<storage, read> b: array<vec4<u32>>;       // [pictures, behind]
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;    // as y, helpers/store_lane.wgsl
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>; // [pictures, output_row]
@group(0) @binding(4) var<uniform> params: Params;

fn element(of_a: bool, at: u32) -> u32 {
    let word = select(at, at >> 1u, HALF);
    if (of_a) { return element_in(a[word >> 2u][word & 3u], at); }
    return element_in(b[word >> 2u][word & 3u], at);
}

// Four elements of a lane, from `place` on: `own` of the lane are the last of a row of a, which ends before element `last` of
// it, and behind them are the first of a row of b, from element `first` on; or, if `swapped`, the other way round.
fn joined(place: u32, own: u32, last: u32, first: u32, swapped: bool) -> vec4<u32> {
    var quad: vec4<u32>;
    for (var i = 0u; i < 4u; i++) {
        let e = place + i;
        quad[i] = element((e < own) != swapped, select(first + e - own, last - own + e, e < own));
    }
    return quad;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.x >= params.pictures || id.y > u32(BOTH)) { return; }
    let swapped = id.y == 1u;
    let end = id.x * params.output_row + params.base + params.row + select(0u, params.behind, swapped);
    let own = end % PER_LANE;
    if (own == 0u) { return; }
    let next = id.x + select(params.next, 1u, swapped);
    let last = (id.x + 1u) * select(params.row, params.behind, swapped);
    // Behind the last row of all there is any value.
    let first = select(0u, next * select(params.behind, params.row, swapped), next < params.pictures);
    var octet = Octet(joined(0u, own, last, first, swapped), vec4(0u));
    if (HALF) { octet.right = joined(4u, own, last, first, swapped); }
    store_lane(end / PER_LANE, octet);
}
