// Moments of each part of a channel: first pass of batch normalisation in training.
//
//   partials[c, part] = (count, mean, m2, pivot) of x[planes of the part, c, lanes of the part] - pivot
//
// The pivot is the channel's first element: deviations from it are small where the mean is large, so the mean costs
// no digits of the variance; one that is not finite would hide the others, then it is 0. A channel is cut into runs: a
// stretch of a plane, or of each of several planes. A row of WX threads walks one, so that what it reads is contiguous
// from one step to the next. A thread takes blocks of four lanes, in two passes over registers, and merges the blocks.
//
// Grid: x = parts of a channel, one workgroup of WY runs each; z = channels.
// Numerics: f32, the order a function of the shape only.
// Source: Chan, Golub, LeVeque (1979), see helpers/moments.wgsl.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override ALONG_BATCH: u32; // 1: the four lanes of a block are in four planes, 0: in one

struct Params {
    origin: vec3<u32>, // first workgroup
    channels: u32,
    batch: u32,
    lanes: u32,        // of a plane
    run_planes: u32,
    run_lanes: u32,
    runs_x: u32,       // along a plane
    parts: u32,
    eps: f32,
    momentum: f32,
    keep: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;                   // [batch, channels, lanes]
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>; // [channels, parts]
@group(0) @binding(2) var<uniform> params: Params;

// Moments of each component of the lanes that a thread has seen.
struct Columns {
    count: f32,
    mean: Lane,
    m2: Lane,
}

fn load(plane: u32, lane: u32, channel: u32, valid: bool) -> Lane {
    let at = (plane * params.channels + channel) * params.lanes + lane;
    return x[select(0u, at, valid)];
}

fn add_block(seen: Columns, v0: Lane, v1: Lane, v2: Lane, v3: Lane, n: f32) -> Columns {
    let mean = (v0 + v1 + v2 + v3) / n;
    let d0 = v0 - mean;
    let d1 = select(Lane(), v1 - mean, n > 1.0);
    let d2 = select(Lane(), v2 - mean, n > 2.0);
    let d3 = select(Lane(), v3 - mean, n > 3.0);
    let m2 = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3;
    let count = seen.count + n;
    let fraction = n / count;
    let delta = mean - seen.mean;
    // As in merge.
    let largest = Lane(LARGEST);
    let beyond = (abs(seen.mean) > largest) | (abs(mean) > largest) | (abs(delta) > largest);
    let merged = select(seen.mean + delta * fraction, seen.mean * (1.0 - fraction) + mean * fraction, beyond);
    return Columns(count, merged, seen.m2 + m2 + delta * delta * (seen.count * fraction));
}

@compute @workgroup_size(WX, WY, WZ)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let part = workgroup.x + params.origin.x;
    let channel = workgroup.z + params.origin.z;
    let run = part * WY + local.y;
    let first_plane = run / params.runs_x * params.run_planes;
    let first_lane = run % params.runs_x * params.run_lanes;
    let end_plane = min(first_plane + params.run_planes, params.batch);
    let end_lane = min(first_lane + params.run_lanes, params.lanes);
    let block = select(vec2(WX, 0u), vec2(0u, 1u), ALONG_BATCH == 1u);
    let step = select(vec2(4u * WX, 1u), vec2(WX, 4u), ALONG_BATCH == 1u);
    let first = first_of(load(0u, 0u, channel, params.batch > 0u));
    let finite = (bitcast<u32>(first) & 0x7f800000u) != 0x7f800000u;
    let pivot = select(0.0, first, finite);

    var seen = Columns(0.0, Lane(), Lane());
    for (var plane = first_plane; plane < end_plane; plane += step.y) {
        for (var lane = first_lane + local.x; lane < end_lane; lane += step.x) {
            let at1 = vec2(lane, plane) + block;
            let at2 = at1 + block;
            let at3 = at2 + block;
            let has1 = at1.x < end_lane && at1.y < end_plane;
            let has2 = at2.x < end_lane && at2.y < end_plane;
            let has3 = at3.x < end_lane && at3.y < end_plane;
            let v0 = load(plane, lane, channel, true) - pivot;
            let v1 = select(Lane(), load(at1.y, at1.x, channel, has1) - pivot, has1);
            let v2 = select(Lane(), load(at2.y, at2.x, channel, has2) - pivot, has2);
            let v3 = select(Lane(), load(at3.y, at3.x, channel, has3) - pivot, has3);
            seen = add_block(seen, v0, v1, v2, v3, 1.0 + f32(has1) + f32(has2) + f32(has3));
        }
    }
    let all = merge_workgroup(thread, merge_columns(seen.count, seen.mean, seen.m2));
    if (thread == 0u) {
        partials[channel * params.parts + part] = vec4(all.count, all.mean, all.m2, pivot);
    }
}
