// Logistic function.
//
//   y = 1 / (1 + exp(-x)), as 1 / (1 + t) for x >= 0 and t / (1 + t) below, with t = exp(-|x|) <= 1: no overflow.
//
// Grid: x = lanes of 16 bytes, one per thread.
// Numerics: f32; exp within 3 + 2|x| ULP, division within 2.5 ULP (WGSL, "Accuracy of built-in functions"). NaN is
// passed through by its bits.
// Source: torch.nn.Sigmoid.

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

fn apply(bits: vec4<u32>) -> vec4<u32> {
    // Of the bits, not the number: compilers may compare and negate what has been an f16 as one, element by element.
    let t = exp(number(bits | vec4(0x80000000u)));
    let numerator = select(t, vec4(1.0), bits < vec4(0x80000000u));
    let nan = (bits & vec4(0x7fffffffu)) > vec4(negative_infinity() & 0x7fffffffu);
    return select(bits_of(numerator / (1.0 + t)), bits, nan);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = (workgroup.x + params.origin.x) * WX + local;
    if (lane < params.lanes) {
        y[y_at(lane)] = map(x[x_at(lane)]);
    }
}
