// Statistics of the batch and new running statistics: second pass of batch normalisation in training.
//
//   statistics = (pivot, mean, m2 / n), of which mean and m2 are of x - pivot
//   new_mean = keep running_mean + momentum (pivot + mean),  new_variance = keep running_variance + momentum m2 / (n - 1)
//   new_batches = batches + 1
//
// Grid: z = channels; one workgroup per channel, whose threads merge the partial moments.
// Numerics: f32; the variance that normalises is the biased one, the one that is stored the unbiased. Without a value
// (batch 0) nothing but the counter moves.
// Source: torch.nn.BatchNorm2d in train(); ATen/native/Normalization.cpp.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    channels: u32,
    batch: u32,
    lanes: u32,
    run_planes: u32,
    run_lanes: u32,
    runs_x: u32,
    parts: u32,        // of a channel, at most 64
    eps: f32,
    momentum: f32,
    keep: f32,         // 1 - momentum
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;         // [channels, parts]: count, mean, m2, pivot
@group(0) @binding(1) var<storage, read> running_mean: array<f32>;           // [channels]
@group(0) @binding(2) var<storage, read> running_variance: array<f32>;       // [channels]
@group(0) @binding(3) var<storage, read> batches: array<u32>;                // [2], i64, low word first
@group(0) @binding(4) var<storage, read_write> new_mean: array<f32>;         // [channels]
@group(0) @binding(5) var<storage, read_write> new_variance: array<f32>;     // [channels]
@group(0) @binding(6) var<storage, read_write> new_batches: array<u32>;      // [2], i64, low word first
@group(0) @binding(7) var<storage, read_write> statistics: array<vec4<f32>>; // [channels]: pivot, mean, variance
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let channel = workgroup.z + params.origin.z;
    let first = channel * params.parts;
    let part = partials[first + min(thread, params.parts - 1u)];
    let own = Moments(part.x, part.y, part.z);
    let all = merge_workgroup(thread, Moments(
        select(0.0, own.count, thread < params.parts),
        select(0.0, own.mean, thread < params.parts),
        select(0.0, own.m2, thread < params.parts),
    ));
    if (thread == 0u) {
        let old = vec2(running_mean[channel], running_variance[channel]);
        let batch = vec2(all.mean + part.w, all.m2 / (all.count - 1.0));
        let new_statistics = select(params.keep * old + params.momentum * batch, old, params.batch == 0u);
        new_mean[channel] = new_statistics.x;
        new_variance[channel] = new_statistics.y;
        statistics[channel] = vec4(part.w, all.mean, all.m2 / all.count, 0.0);
    }
    if (thread == 0u && channel == 0u) {
        let low = batches[0] + 1u;
        new_batches[0] = low;
        new_batches[1] = batches[1] + select(0u, 1u, low == 0u);
    }
}
