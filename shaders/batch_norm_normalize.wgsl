// Normalisation with the statistics of the batch and new running statistics: second pass of batch normalisation in
// training.
//
//   y = ((x - pivot) - mean) * (weight[c] / sqrt(m2 / n + eps)) + bias[c], with mean and m2 of x - pivot; x behind the way in
//   new_mean = keep running_mean + momentum (pivot + mean),  new_variance = keep running_variance + momentum m2 / (n - 1)
//   saved_mean = pivot + mean,  saved_invstd = 1 / sqrt(m2 / n + eps): what a gradient needs of the batch
//
// A workgroup merges the partial moments of its channel first; where planes are SMALL, a thread those of its own.
//
// Grid: x = lanes that begin in a plane, PER_THREAD for each thread, y = channels, z = pictures; where planes are SMALL, x = lanes of
// a picture, z = pictures, PICTURES for each thread: helpers/planes.wgsl.
// Numerics: f32; the pivot is subtracted first, exactly where x is near it. inverseSqrt within 2 ULP (WGSL). The variance
// that normalises is the biased one, the one that is stored the unbiased. Without a value (batch 0) the running
// statistics stay, and mean and variance of the batch are 0.
// Source: torch.nn.BatchNorm2d in train(); ATen/native/Normalization.cpp.

override WX: u32 = 256u;
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

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;            // [batch, channels, plane]
@group(0) @binding(1) var<storage, read> partials: array<vec4<f32>>;     // [channels (parts + 1)], or (parts + 2) if IN_AFFINE
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;         // as y
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>;      // [batch, channels, plane]
@group(0) @binding(4) var<storage, read_write> new_mean: array<f32>;     // [channels]
@group(0) @binding(5) var<storage, read_write> new_variance: array<f32>; // [channels]
@group(0) @binding(6) var<storage, read_write> saved_mean: array<f32>;   // [channels]
@group(0) @binding(7) var<storage, read_write> saved_invstd: array<f32>; // [channels]
@group(0) @binding(8) var<uniform> params: Params;

fn functions(channel: u32, moments: Moments) -> Functions {
    let own = affine(affine_of(channel, moments));
    if (IN_AFFINE) { return Functions(affine(partials[params.channels * (params.parts + 1u) + channel]), own); }
    return Functions(identity(), own);
}

fn functions_of(channel: u32) -> Functions {
    return functions(channel, moments_of(channel));
}

fn apply(bits: vec4<u32>, other: vec4<u32>, f: FourFunctions) -> vec4<u32> {
    return finished(applied(entered(number(bits), f.entry), f.own), other);
}

fn apply_lane(at: u32, f: LaneFunctions) {
    let lane = x[x_at(at)];
    let other = skip_lane(at);
    if (HALF) {
        let octet = widened(lane);
        let others = widened(other);
        y[y_at(at)] = narrowed(Octet(apply(octet.left, others.left, f.left), apply(octet.right, others.right, f.right)));
    } else {
        y[y_at(at)] = apply(lane, other, f.left);
    }
}

var<workgroup> own: Functions;

// Moments of the workgroup's channel, in its first thread.
fn merge_parts(channel: u32, thread: u32) -> Moments {
    for (var eighth = thread; eighth < 8u; eighth += WX * WZ) {
        merging[eighth] = merge_part(channel, eighth);
    }
    workgroupBarrier();
    var all = Moments(0.0, 0.0, 0.0);
    // A loop of no turn costs the other threads less than a branch, which some devices walk through.
    let end = select(0u, 8u, thread == 0u);
    for (var eighth = 0u; eighth < end; eighth++) { all = merge(all, merging[eighth]); }
    return all;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let picture = id.z * PICTURES;
    if (SMALL) {
        // The threads of the first pictures have the channels too.
        let step = max(params.lanes, 1u);
        if (picture == 0u && id.x < step) {
            for (var channel = id.x; channel < params.channels; channel += step) { update(channel, moments_of(channel)); }
        }
        if (picture < params.batch && id.x < params.lanes) { transform_lanes(id.x, picture); }
        return;
    }
    let moments = merge_parts(id.y, index);
    if (index == 0u) { own = functions(id.y, moments); }
    workgroupBarrier();
    if (id.x == 0u && picture == 0u) { update(id.y, moments); }
    if (picture < params.batch) { transform_plane(picture, id.y, id.x, own); }
}
