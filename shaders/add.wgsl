// Sum of two tensors of one shape: a skip connection.
//
//   y = a + b, and ReLU of it on the way out
//
// Grid: x = lanes of 16 bytes, one per thread.
// Numerics: f32, one rounding; another one in f16 storage.
// Source: torch.add.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override OUT_RELU: bool = false;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    lanes: u32,        // 16-byte lanes of a tensor
}

@group(0) @binding(0) var<storage, read> a: array<vec4<u32>>;        // [lanes]
@group(0) @binding(1) var<storage, read> b: array<vec4<u32>>;        // [lanes]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;  // [lanes]
@group(0) @binding(3) var<uniform> params: Params;

fn sum(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    let y = number(a) + number(b);
    if (OUT_RELU) { return bits_of(rectified(y)); }
    return bits_of(y);
}

fn sum_lane(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    if (HALF) {
        let wide_a = widened(a);
        let wide_b = widened(b);
        return narrowed(Octet(sum(wide_a.left, wide_b.left), sum(wide_a.right, wide_b.right)));
    }
    return sum(a, b);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = (workgroup.x + params.origin.x) * WX + local;
    if (lane < params.lanes) {
        y[y_at(lane)] = sum_lane(a[x_at(lane)], b[x_at(lane)]);
    }
}
