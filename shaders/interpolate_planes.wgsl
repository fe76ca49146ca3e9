// Nearest neighbour of small planes, whose rows and columns are repeated.
//
//   y[p, oh, ow] = x[p, oh / TIMES_H, ow / TIMES_W]
//
// A thread holds PLANES planes: helpers/held.wgsl.
//
// Grid: x = PLANES planes (N C).
// Numerics: exact; bits are moved.
// Source: torch.nn.functional.interpolate; ATen/native/UpSample.h.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override TIMES_H: u32; // times that each row is repeated
override TIMES_W: u32; // times that each column is
override NUMBERS: bool = false; // outputs are elements

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
@group(0) @binding(1) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>; // [planes, OUT_HEIGHT, OUT_WIDTH]
@group(0) @binding(4) var<uniform> params: Params;

fn taken(e: u32, bits: vec4<u32>) -> vec4<u32> {
    return bits;
}

fn output(p: u32, h: u32, w: u32) -> u32 {
    return element_of(p, h / TIMES_H, w / TIMES_W);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.x * MADE >= params.lanes || id.y > 0u || id.z > 0u) { return; }
    hold(id.x * PLANES);
    release(id.x * PLANES);
}
