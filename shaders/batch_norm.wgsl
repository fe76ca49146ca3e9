// Batch normalisation with the running statistics, which is an affine function on the way out of nothing else. So is a copy with
// something on its ways.
//
//   y = (x - mean[c]) * scale[c] + bias[c], on the way out
//
// Grid: helpers/elementwise.wgsl, where the way in and the way out are, too.
// Numerics: f32, one rounding each operation; exact, on bits, if only ReLU is on the ways.
// Source: torch.nn.BatchNorm2d in eval().

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,
    batch: u32,        // pictures
    plane: u32,        // elements of a plane
    lanes: u32,        // of a picture, or of all where pictures begin within lanes
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [batch, channels, plane]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [channels], batch_norm_affine.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // as way_in
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<vec4<u32>>; // as x
@group(0) @binding(5) var<uniform> params: Params;

const COMPUTES: bool = false;
const RELU: bool = false;

fn term_lane(at: u32) -> vec4<u32> {
    return vec4(0u);
}

fn f(v: vec4<f32>, term: vec4<u32>) -> vec4<f32> {
    return v;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    transform((workgroup + params.origin) * vec3(WX, WY, WZ) + local);
}
