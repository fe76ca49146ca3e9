// Normalisation with the statistics of the batch: last pass of batch normalisation in training.
//
//   y = ((x - pivot) - mean) * (weight[c] / sqrt(variance + eps)) + bias[c]
//
// Grid: x = lanes of a plane, every stride-th for each thread; y = channels; z = pictures.
// Numerics: f32; the pivot is subtracted first, exactly where x is near it. inverseSqrt within 2 ULP (WGSL).
// Source: torch.nn.BatchNorm2d in train().

override WX: u32 = 256u;
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

@group(0) @binding(0) var<storage, read> x: array<Lane>;               // [batch, channels, lanes]
@group(0) @binding(1) var<storage, read> statistics: array<vec4<f32>>; // [channels]: pivot, mean, variance
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [channels]
@group(0) @binding(3) var<storage, read> bias: array<f32>;             // [channels]
@group(0) @binding(4) var<storage, read_write> y: array<Lane>;         // [batch, channels, lanes]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let stride = (params.lanes + 3u) >> 2u;
    if (id.x >= stride || id.y >= params.channels || id.z >= params.batch) { return; }
    let batch = statistics[id.y];
    let scale = weight[id.y] * inverseSqrt(batch.z + params.eps);
    let shift = bias[id.y];
    let plane = (id.z * params.channels + id.y) * params.lanes;
    for (var lane = id.x; lane < params.lanes; lane += stride) {
        y[plane + lane] = ((x[plane + lane] - batch.x) - batch.y) * scale + shift;
    }
}
