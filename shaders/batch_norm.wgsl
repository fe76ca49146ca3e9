// Batch normalisation with the running statistics.
//
//   y = (x - mean[c]) * (weight[c] / sqrt(var[c] + eps)) + bias[c]
//
// Grid: x = lanes of a plane, every stride-th for each thread; y = channels; z = pictures.
// Numerics: f32; inverseSqrt within 2 ULP (WGSL), every other operation one rounding.
// Source: torch.nn.BatchNorm2d in eval().

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    channels: u32,
    batch: u32,
    lanes: u32,        // of a plane
    run_planes: u32,
    run_lanes: u32,
    runs_x: u32,
    parts: u32,
    eps: f32,
    momentum: f32,
    keep: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;         // [batch, channels, lanes]
@group(0) @binding(1) var<storage, read> mean: array<f32>;       // [channels]
@group(0) @binding(2) var<storage, read> variance: array<f32>;   // [channels]
@group(0) @binding(3) var<storage, read> weight: array<f32>;     // [channels]
@group(0) @binding(4) var<storage, read> bias: array<f32>;       // [channels]
@group(0) @binding(5) var<storage, read_write> y: array<Lane>;   // [batch, channels, lanes]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let stride = (params.lanes + 3u) >> 2u;
    if (id.x >= stride || id.y >= params.channels || id.z >= params.batch) { return; }
    let scale = weight[id.y] * inverseSqrt(variance[id.y] + params.eps);
    let center = mean[id.y];
    let shift = bias[id.y];
    let plane = (id.z * params.channels + id.y) * params.lanes;
    for (var lane = id.x; lane < params.lanes; lane += stride) {
        y[plane + lane] = (x[plane + lane] - center) * scale + shift;
    }
}
