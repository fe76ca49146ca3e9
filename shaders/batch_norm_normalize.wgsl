// Normalisation with the statistics of the batch and new running statistics: second pass of batch normalisation in
// training.
//
//   y = ((x - pivot) - mean) * (weight[c] / sqrt(m2 / n + eps)) + bias[c], with mean and m2 of x - pivot
//   new_mean = keep running_mean + momentum (pivot + mean),  new_variance = keep running_variance + momentum m2 / (n - 1)
//
// Every thread merges the partial moments of its channel: they are few, and in the nearest cache.
//
// Grid: x = lanes that begin in a plane, every stride-th for each thread; y = channels; z = pictures.
// Numerics: f32; the pivot is subtracted first, exactly where x is near it. inverseSqrt within 2 ULP (WGSL). The variance
// that normalises is the biased one, the one that is stored the unbiased. Without a value (batch 0) the running
// statistics stay.
// Source: torch.nn.BatchNorm2d in train(); ATen/native/Normalization.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override PER_THREAD: u32; // lanes

struct Params {
    origin: vec3<u32>, // first workgroup
    channels: u32,
    batch: u32,
    plane: u32,        // elements of a plane
    run_planes: u32,
    run_lanes: u32,
    runs_x: u32,       // along a plane
    parts: u32,        // of a channel
    eps: f32,
    momentum: f32,
    keep: f32,         // 1 - momentum
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;            // [batch, channels, plane]
@group(0) @binding(1) var<storage, read> partials: array<vec4<f32>>;     // [channels parts + channels]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;      // [batch, channels, plane]
@group(0) @binding(3) var<storage, read_write> new_mean: array<f32>;     // [channels]
@group(0) @binding(4) var<storage, read_write> new_variance: array<f32>; // [channels]
@group(0) @binding(5) var<uniform> params: Params;

// Merges up to eight partials from `first` on, in order.
fn merge_some(first: u32, end: u32) -> Moments {
    let one = partials[first];
    var all = Moments(one.x, one.y, one.z);
    for (var part = first + 1u; part < min(first + 8u, end); part++) {
        let next = partials[part];
        all = merge(all, Moments(next.x, next.y, next.z));
    }
    return all;
}

// Merges all of a channel, eight by eight.
fn moments_of(channel: u32) -> Moments {
    let first = channel * params.parts;
    let end = first + params.parts;
    var all = merge_some(first, end);
    for (var part = first + 8u; part < end; part += 8u) {
        all = merge(all, merge_some(part, end));
    }
    return all;
}

fn affine_of(channel: u32) -> Affine {
    let moments = moments_of(channel);
    let given = partials[params.channels * params.parts + channel];
    let scale = given.x * inverseSqrt(moments.m2 / moments.count + params.eps);
    return Affine(partials[channel * params.parts].w, moments.mean, scale, given.y);
}

fn update(channel: u32) {
    let moments = moments_of(channel);
    let old = partials[params.channels * params.parts + channel].zw;
    let pivot = partials[channel * params.parts].w;
    let batch = vec2(moments.mean + pivot, moments.m2 / (moments.count - 1.0));
    let updated = select(params.keep * old + params.momentum * batch, old, params.batch == 0u);
    new_mean[channel] = updated.x;
    new_variance[channel] = updated.y;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.y >= params.channels) { return; }
    if (id.x == 0u && id.z == 0u) { update(id.y); }
    if (id.z < params.batch) { transform_plane(id.z, id.y, id.x); }
}
