// Cross-correlation of every channel with one small filter of its own: depthwise convolution.
//
//   y[n, c, oh, ow] = bias[c] + sum over (kh, kw) of weight[c, kh, kw] x[n, c, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread makes eight columns of ROWS output rows: it loads the filter and every input value that they share once
// (helpers/walk.wgsl).
//
// Grid: x = eight neighbours of an output row, y = ROWS output rows, z = planes (N C).
// Numerics: f32 sums over (kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d with as many groups as channels.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KH: u32; override KW: u32; // filter, at most 5 x 5
override SH: u32; override SW: u32; // stride
override PH: u32; override PW: u32; // zeros before
override DH: u32; override DW: u32; // dilation, DH is 1
override GROUPS: u32;               // C
override COLUMNS: u32;              // of the output, of a thread: 4 or 8
override ROWS: u32;                 // of the output, of a thread

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    batch: u32,
    input_h: u32,
    input_w: u32,
    last_lane: u32,    // of the input
    output_h: u32,
    output_w: u32,
    packed_base: u32,  // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;  // [batch, GROUPS, input_h, input_w]
@group(0) @binding(1) var<storage, read> weight: array<u32>;   // [GROUPS, 1, KH, KW]
@group(0) @binding(2) var<storage, read> bias: array<u32>;     // [GROUPS]
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [GROUPS], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [GROUPS], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<Out>;  // [batch, GROUPS, output_h, output_w]
@group(0) @binding(7) var<uniform> params: Params;

// Sums of eight neighbouring outputs.
struct Sums {
    left: vec4<f32>,
    right: vec4<f32>,
}

var<private> filter_taps: array<f32, 25>;
var<private> offset: f32;
var<private> sums: array<Sums, 5>;        // of each open output row

fn admit(column: u32, kw: u32, within: bool) {
    take_values(column, kw, within);
}

fn join(r: u32, kh: u32, kw: u32) {
    for (var t = 0u; t < KW; t++) {
        let w = filter_taps[kh * KW + t];
        sums[r].left = fma(vec4(w), tap(t, 0u), sums[r].left);
        if (COLUMNS > 4u) { sums[r].right = fma(vec4(w), tap(t, 4u), sums[r].right); }
    }
}

fn finish(place: Place) {
    let row = (place.plane * params.output_h + place.height) * params.output_w;
    let count = min(COLUMNS, params.output_w - place.column);
    let at = row + place.column;
    let octet = finished8(at, count, place.plane % GROUPS, sums[0].left + offset, sums[0].right + offset);
    store8(at, count, octet);
    see(count, octet);
}

fn next() {
    sums = array(sums[1], sums[2], sums[3], sums[4], Sums());
}

// Makes ROWS rows from a place on.
fn make(place: Place) {
    let channel = place.plane % GROUPS;
    offset = bias_at(channel);
    enter_channel(channel);
    for (var i = 0u; i < 25u; i++) {
        if (i < KH * KW) { filter_taps[i] = weight_at(channel * KH * KW + i); }
    }
    sums = array<Sums, 5>();
    roll_down(place.plane, place, ROWS);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let place = Place(id.z, 0u, id.y * ROWS, id.x * COLUMNS);
    if (place.column < params.output_w && place.height < params.output_h && place.plane < params.batch * GROUPS) { make(place); }
    hand_over(id.z % GROUPS, id.z / GROUPS, workgroup + params.origin, thread);
}
