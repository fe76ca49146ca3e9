// Places the rows of one input side by side with those of the others: a row is what a picture has in it. A thread makes whole
// lanes of the output; of those that rows of two inputs share it makes none: concat_edges.wgsl.
//
//   y[n, base + i] = x[n, i]
//
// Grid: x = lanes within a row, EACH for each thread; y = pictures.
// Numerics: exact, on bits.
// Source: torch.cat(dim=1).

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override EACH: u32;                     // lanes of a thread, at most 4
override LENGTH: u32 = EACH * PER_LANE;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    pictures: u32,     // N
    row: u32,          // elements of a row of the input
    base: u32,         // elements of a row of the output before those
    output_row: u32,   // elements of a row of the output
    last_lane: u32,    // last 16-byte lane of the input
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [pictures, row]
@group(0) @binding(1) var<storage, read> skip: array<vec4<u32>>;    // as y, helpers/store_lane.wgsl
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>; // [pictures, output_row]
@group(0) @binding(3) var<uniform> params: Params;

fn store_own(i: u32, first: u32, end: u32) {
    if (i >= EACH || first + i >= end) { return; }
    if (HALF) {
        store_lane(first + i, Octet(stretch[2u * i], stretch[2u * i + 1u]));
    } else {
        store_lane(first + i, Octet(stretch[i], vec4(0u)));
    }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let begin = id.y * params.output_row + params.base;
    let first = (begin + PER_LANE - 1u) / PER_LANE + id.x * EACH;
    let end = (begin + params.row) / PER_LANE;
    if (first >= end || id.y >= params.pictures) { return; }
    load_stretch(i32(id.y * params.row + first * PER_LANE - begin));
    store_own(0u, first, end);
    store_own(1u, first, end);
    store_own(2u, first, end);
    store_own(3u, first, end);
}
