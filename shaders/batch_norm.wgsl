// Batch normalisation with the running statistics.
//
//   y = (x - mean[c]) * scale[c] + bias[c]
//
// Grid: x = lanes that begin in a plane, PER_THREAD for each thread, y = channels, z = pictures; where planes are SMALL, x = lanes of
// a picture, z = pictures, PICTURES for each thread: helpers/planes.wgsl.
// Numerics: f32, one rounding each operation.
// Source: torch.nn.BatchNorm2d in eval().

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,
    batch: u32,        // pictures
    plane: u32,        // elements of a plane
    lanes: u32,        // of a picture, or of all where pictures begin within lanes
    run_planes: u32,
    run_lanes: u32,
    runs_x: u32,       // along a plane
    parts: u32,        // of a channel
    eps: f32,
    momentum: f32,
    keep: f32,         // 1 - momentum
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [batch, channels, plane]
@group(0) @binding(1) var<storage, read> affine: array<vec4<f32>>;  // [channels], batch_norm_affine.wgsl
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>; // [batch, channels, plane]
@group(0) @binding(4) var<uniform> params: Params;

fn affine_of(channel: u32) -> Affine {
    let f = affine[channel];
    return Affine(0.0, f.x, f.y, f.z);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.z * PICTURES >= params.batch) { return; }
    if (SMALL) {
        if (id.x < params.lanes) { transform_lanes(id.x, id.z * PICTURES); }
    } else {
        transform_plane(id.z, id.y, id.x, affine_of(id.y));
    }
}
