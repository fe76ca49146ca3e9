// Rectified linear unit.
//
//   y = x < 0 ? 0 : x
//
// Grid: x = lanes of 16 bytes, one per thread.
// Numerics: exact. Decided on the bits, because a compiler may assume that no NaN exists: NaN passes through, -0.0
// stays -0.0.
// Source: torch.nn.ReLU.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    lanes: u32,        // 16-byte lanes of the tensor
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;        // [lanes]
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;  // [lanes]
@group(0) @binding(2) var<uniform> params: Params;

// Above -0.0, the bits of negative numbers end with those of -inf; the NaNs lie above.
fn apply(bits: vec4<u32>) -> vec4<u32> {
    let negative = (bits > vec4(0x80000000u)) & (bits <= vec4(negative_infinity()));
    return select(bits, vec4(0u), negative);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = (workgroup.x + params.origin.x) * WX + local;
    if (lane < params.lanes) {
        y[y_at(lane)] = map(x[x_at(lane)]);
    }
}
