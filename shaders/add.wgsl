// Sum of two tensors of one shape: a skip connection.
//
//   y = a + b
//
// Grid: x = lanes of four floats, one per thread.
// Numerics: one rounding.
// Source: torch.add.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    lanes: u32,        // 16-byte lanes of a tensor
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;        // [lanes]
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;        // [lanes]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;  // [lanes]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = (workgroup.x + params.origin.x) * WX + local;
    if (lane < params.lanes) {
        y[lane] = a[lane] + b[lane];
    }
}
