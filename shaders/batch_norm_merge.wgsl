// Moments of each channel from those of its parts, which the kernel that has made the tensor made with it, or
// batch_norm_moments.wgsl where there are many.
//
//   partials[c] = (count, mean, m2, pivot), partials[C + c] = (weight, bias, running_mean, running_variance)
//   partials[2 C + c] = the affine function on the way in, if IN_AFFINE; new_batches = batches + 1
//
// Parts may have pivots of their own; the channel's is the one of its first part, which is its first element.
//
// Grid: z = channels, one a workgroup.
// Numerics: f32, the order a function of the count only.
// Source: Chan, Golub, LeVeque (1979), see helpers/moments.wgsl.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override IN_AFFINE: bool = false;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,
    y_base: u32,
    channels: u32,
    parts: u32,        // of a channel
}

@group(0) @binding(0) var<storage, read> made: array<vec4<f32>>;           // [channels, parts]
@group(0) @binding(1) var<storage, read> running_mean: array<f32>;         // [channels]
@group(0) @binding(2) var<storage, read> running_variance: array<f32>;     // [channels]
@group(0) @binding(3) var<storage, read> batches: array<u32>;              // [2], i64, low word first
@group(0) @binding(4) var<storage, read> weight: array<f32>;               // [channels]; behind it, if IN_AFFINE, way_in
@group(0) @binding(5) var<storage, read> bias: array<f32>;                 // [channels]
@group(0) @binding(6) var<storage, read_write> new_batches: array<u32>;    // [2], i64, low word first
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<f32>>; // [2, channels], or 3 if IN_AFFINE
@group(0) @binding(8) var<uniform> params: Params;

// Merges eight parts, or those that are left, in order.
fn merge_parts(channel: u32, first: u32, pivot: f32) -> Moments {
    let end = min(first + 8u, params.parts);
    var all = Moments(0.0, 0.0, 0.0);
    for (var part = first; part < end; part++) {
        let next = made[channel * params.parts + part];
        all = merge(all, Moments(next.x, next.y + (next.w - pivot), next.z));
    }
    return all;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let channel = workgroup.z + params.origin.z;
    let pivot = made[channel * params.parts].w;
    var own = Moments(0.0, 0.0, 0.0);
    for (var first = local.x * 8u; first < params.parts; first += 512u) {
        own = merge(own, merge_parts(channel, first, pivot));
    }
    let all = merge_workgroup(local.x, own);
    if (local.x > 0u) { return; }
    partials[channel] = vec4(all.count, all.mean, all.m2, pivot);
    partials[params.channels + channel] = vec4(weight[channel], bias[channel], running_mean[channel], running_variance[channel]);
    if (IN_AFFINE) {
        let at = params.channels + 4u * channel;
        partials[2u * params.channels + channel] = vec4(weight[at], weight[at + 1u], weight[at + 2u], weight[at + 3u]);
    }
    if (channel > 0u) { return; }
    let low = batches[0] + 1u;
    new_batches[0] = low;
    new_batches[1] = batches[1] + select(0u, 1u, low == 0u);
}
