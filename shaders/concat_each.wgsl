// Two tensors side by side along the channels, for devices whose loads are cheap. A thread makes one lane of the output, so that threads
// store beside one another, and looks up each of its elements; where both inputs have whole lanes, it is one of theirs.
//
//   y[n, i] = i < A ? a[n, i] : b[n, i - A]
//
// Grid: x = lanes of the output, one per thread.
// Numerics: exact, on bits.
// Source: torch.cat(dim=1).

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override ALIGNED: bool; // rows of both inputs are whole lanes

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    lanes: u32,        // of the output
    pictures: u32,     // N
    row_a: u32,        // elements of a row of each input, at least a lane
    row_b: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<u32>>;       // [pictures, row_a]
@group(0) @binding(1) var<storage, read> b: array<vec4<u32>>;       // [pictures, row_b]
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;    // as y, helpers/store_lane.wgsl
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>; // [pictures, row_a + row_b]
@group(0) @binding(4) var<uniform> params: Params;

// The element at a place behind the beginning of a picture's row, which may be in the next; behind the last one, any.
fn source(first_picture: u32, place: u32) -> u32 {
    let row = params.row_a + params.row_b;
    let behind = place >= row;
    let picture = min(first_picture + u32(behind), params.pictures - 1u);
    let within = select(place, place - row, behind);
    if (within < params.row_a) {
        let at = picture * params.row_a + within;
        if (HALF) { return element_in(a[at / 8u][(at >> 1u) & 3u], at); }
        return a[at / 4u][at & 3u];
    }
    let at = picture * params.row_b + within - params.row_a;
    if (HALF) { return element_in(b[at / 8u][(at >> 1u) & 3u], at); }
    return b[at / 4u][at & 3u];
}

fn sources(picture: u32, place: u32) -> vec4<u32> {
    return vec4(source(picture, place), source(picture, place + 1u), source(picture, place + 2u), source(picture, place + 3u));
}

// The bits of a lane of one of the inputs.
fn lane_of(picture: u32, place: u32) -> vec4<u32> {
    if (place < params.row_a) { return a[(picture * params.row_a + place) / PER_LANE]; }
    return b[(picture * params.row_b + place - params.row_a) / PER_LANE];
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = (workgroup.x + params.origin.x) * WX + local;
    if (lane >= params.lanes) { return; }
    let picture = lane * PER_LANE / (params.row_a + params.row_b);
    let place = lane * PER_LANE % (params.row_a + params.row_b);
    if (ALIGNED) {
        let bits = lane_of(picture, place);
        if (HALF) { store_lane(lane, widened(bits)); } else { store_lane(lane, Octet(bits, vec4(0u))); }
        return;
    }
    var octet = Octet(sources(picture, place), vec4(0u));
    if (HALF) { octet.right = sources(picture, place + 4u); }
    store_lane(lane, octet);
}
