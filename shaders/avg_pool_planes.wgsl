// Mean of each window of small planes.
//
//   y[p, oh, ow] = sum over the window of x / divisor
//
// The divisor is that of avg_pool.wgsl. A thread holds PLANES planes: helpers/held.wgsl.
//
// Grid: x = PLANES planes (N C).
// Numerics: f32 sums of each row of a window, then of the rows, then one division. A window without an element of the input is 0.
// Source: torch.nn.AvgPool2d; ATen/native/cpu/AvgPoolKernel.cpp.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override DIVISOR_FIXED: bool;
override INCLUDE_PAD: bool;
override NUMBERS: bool = true; // what is held, and outputs

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,     // C
    last_lane: u32,    // of the input
    lanes: u32,        // of the output
    divisor: f32,      // if DIVISOR_FIXED
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [planes, HEIGHT, WIDTH]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [channels], helpers/way_in.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<vec4<u32>>; // [planes, OUT_HEIGHT, OUT_WIDTH]
@group(0) @binding(5) var<uniform> params: Params;

var<private> row: f32; // sum of a row of the window
var<private> sum: f32;

fn taken(e: u32, bits: vec4<u32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(entered(e, bits));
}

fn begin_row() {
    row = 0.0;
}

fn meet(p: u32, kh: u32, kw: u32, element: u32) {
    row += bitcast<f32>(element);
}

fn meet_padding(p: u32, kh: u32, kw: u32) {}

fn end_row() {
    sum += row;
}

fn output(p: u32, h: u32, w: u32) -> u32 {
    sum = 0.0;
    walk(p, h, w);
    let count = clipped(h, SH, KH, PH, HEIGHT) * clipped(w, SW, KW, PW, WIDTH);
    let divisor = select(f32(select(count.y, count.x, INCLUDE_PAD)), params.divisor, DIVISOR_FIXED);
    return bitcast<u32>(select(sum / divisor, 0.0, count.y == 0));
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.x * MADE >= params.lanes || id.y > 0u || id.z > 0u) { return; }
    enter(id.x * PLANES);
    hold(id.x * PLANES);
    release(id.x * PLANES);
}
