// Largest element of each window of small planes.
//
//   y[p, oh, ow] = max over (kh, kw) of x[p, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread holds PLANES planes: helpers/held.wgsl.
//
// Grid: x = PLANES planes (N C).
// Numerics: exact, as max_pool.wgsl. A window wholly in padding is -inf.
// Source: torch.nn.MaxPool2d; ATen/native/cpu/MaxPoolKernel.cpp.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,     // C
    last_lane: u32,    // of the input
    lanes: u32,        // of the output
    divisor: f32,      // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [planes, HEIGHT, WIDTH]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [channels], helpers/way_in.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<vec4<u32>>; // [planes, OUT_HEIGHT, OUT_WIDTH]
@group(0) @binding(5) var<uniform> params: Params;

var<private> row: vec4<i32>;  // the best of a row of the window, in each component
var<private> best: vec4<i32>;

// Held are keys.
fn taken(e: u32, bits: vec4<u32>) -> vec4<u32> {
    if (NUMBERS) { return bitcast<vec4<u32>>(key(bitcast<vec4<u32>>(entered(e, bits)))); }
    return bitcast<vec4<u32>>(key(bits));
}

fn begin_row() {
    row = vec4(LOWEST);
}

fn meet(p: u32, kh: u32, kw: u32, element: u32) {
    row = better4(row, vec4(bitcast<i32>(element)));
}

fn meet_padding(p: u32, kh: u32, kw: u32) {}

fn end_row() {
    best = better4(best, row);
}

fn output(p: u32, h: u32, w: u32) -> u32 {
    best = vec4(LOWEST);
    walk(p, h, w);
    return bits_of_key(best).x;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.x * MADE >= params.lanes || id.y > 0u || id.z > 0u) { return; }
    enter(id.x * PLANES);
    hold(id.x * PLANES);
    release(id.x * PLANES);
}
