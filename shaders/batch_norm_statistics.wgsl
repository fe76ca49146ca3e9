// Normalisation with the statistics of the batch as an affine function of each channel, for the kernel that does it on its way in or out, and
// new running statistics: second pass of batch normalisation in training where that kernel is the only one that reads the result.
//
//   affine[c] = (mean, weight[c] / sqrt(m2 / n + eps), bias[c], pivot), with mean and m2 of x - pivot
//   the rest as batch_norm_normalize.wgsl
//
// Grid: x = channels.
// Numerics: as batch_norm_normalize.wgsl.
// Source: torch.nn.BatchNorm2d in train().

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,
    parts: u32,        // of a channel
    eps: f32,
    momentum: f32,
    keep: f32,         // 1 - momentum
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;     // [channels (parts + 1)]
@group(0) @binding(1) var<storage, read_write> affine: array<vec4<f32>>; // [channels]
@group(0) @binding(2) var<storage, read_write> new_mean: array<f32>;     // [channels]
@group(0) @binding(3) var<storage, read_write> new_variance: array<f32>; // [channels]
@group(0) @binding(4) var<storage, read_write> saved_mean: array<f32>;   // [channels]
@group(0) @binding(5) var<storage, read_write> saved_invstd: array<f32>; // [channels]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let channel = (workgroup.x + params.origin.x) * WX + local;
    if (channel < params.channels) {
        let moments = moments_of(channel);
        affine[channel] = affine_of(channel, moments);
        update(channel, moments);
    }
}
