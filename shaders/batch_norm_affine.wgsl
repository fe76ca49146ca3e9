// The affine function of each channel that batch normalisation with the running statistics is, for batch_norm.wgsl or the
// kernel that does it on its way in or out.
//
//   affine[c] = (mean[c], weight[c] / sqrt(var[c] + eps), bias[c], 0)
//
// Grid: x = channels.
// Numerics: f32; inverseSqrt within 2 ULP (WGSL), every other operation one rounding.
// Source: torch.nn.BatchNorm2d in eval().

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read> mean: array<f32>;               // [channels]
@group(0) @binding(1) var<storage, read> variance: array<f32>;           // [channels]
@group(0) @binding(2) var<storage, read> weight: array<f32>;             // [channels]
@group(0) @binding(3) var<storage, read> bias: array<f32>;               // [channels]
@group(0) @binding(4) var<storage, read_write> affine: array<vec4<f32>>; // [channels]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let channel = (workgroup.x + params.origin.x) * WX + local;
    if (channel < params.channels) {
        let scale = weight[channel] * inverseSqrt(variance[channel] + params.eps);
        affine[channel] = vec4(mean[channel], scale, bias[channel], 0.0);
    }
}
