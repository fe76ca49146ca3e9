// Moments of each part of a channel: first pass of batch normalisation in training.
//
//   partials[c, part] = (count, mean, m2, pivot) of x[planes of the part, c, lanes of the part] - pivot
//   partials[C parts + c] = (weight, bias, running_mean, running_variance), new_batches = batches + 1
//
// The pivot is the channel's first element: deviations from it are small where the mean is large, so the mean costs
// no digits of the variance; one that is not finite would hide the others, then it is 0. A channel is cut into runs: a
// stretch of a plane, or of each of several planes. A row of WX threads walks one, so that what it reads is contiguous
// from one step to the next. A thread takes blocks of four quads, in two passes over registers, and merges the blocks.
// The second pass finds what else it needs behind the partials: a kernel may bind few buffers.
//
// Grid: x = parts of a channel, one workgroup of WY runs each; z = channels.
// Numerics: f32, the order a function of the shape only.
// Source: Chan, Golub, LeVeque (1979), see helpers/moments.wgsl.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override ALONG_BATCH: bool; // the lanes of a block are in as many planes, else in one
override EDGES: bool;       // planes do not begin at lanes
override PER_LANE: u32 = 4u + 4u * u32(HALF);

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

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;              // [batch, channels, plane]
@group(0) @binding(1) var<storage, read> running_mean: array<f32>;         // [channels]
@group(0) @binding(2) var<storage, read> running_variance: array<f32>;     // [channels]
@group(0) @binding(3) var<storage, read> batches: array<u32>;              // [2], i64, low word first
@group(0) @binding(4) var<storage, read> weight: array<f32>;               // [channels]
@group(0) @binding(5) var<storage, read> bias: array<f32>;                 // [channels]
@group(0) @binding(6) var<storage, read_write> new_batches: array<u32>;    // [2], i64, low word first
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<f32>>; // [channels parts + channels]
@group(0) @binding(8) var<uniform> params: Params;

// Moments of each of the four columns of the quads that a thread has seen.
struct Columns {
    count: vec4<f32>,
    mean: vec4<f32>,
    m2: vec4<f32>,
}

// Elements of a quad that belong to the channel, and their deviations from the pivot; 0 for the others.
struct Quad {
    valid: vec4<bool>,
    deviation: vec4<f32>,
}

// place: of the first element, in the plane.
fn quad(bits: vec4<u32>, place: i32, has: bool, pivot: f32) -> Quad {
    var valid = vec4(has);
    if (EDGES) {
        let at = vec4(place) + vec4(0, 1, 2, 3);
        valid = valid & (at >= vec4(0)) & (at < vec4(i32(params.plane)));
    }
    return Quad(valid, select(vec4(0.0), number(bits) - pivot, valid));
}

// The lane of this number among those that overlap the plane, and the place of its first element in the plane.
struct Lane {
    bits: vec4<u32>,
    place: i32,
}

fn load(plane: u32, lane: u32, channel: u32, has: bool) -> Lane {
    let start = (plane * params.channels + channel) * params.plane;
    let at = start / PER_LANE + lane;
    let place = i32(at * PER_LANE) - i32(start);
    return Lane(x[select(0u, at, has && place < i32(params.plane))], place);
}

fn add_block(seen: Columns, q0: Quad, q1: Quad, q2: Quad, q3: Quad) -> Columns {
    let n = vec4<f32>(q0.valid) + vec4<f32>(q1.valid) + vec4<f32>(q2.valid) + vec4<f32>(q3.valid);
    let mean = (q0.deviation + q1.deviation + q2.deviation + q3.deviation) / max(n, vec4(1.0));
    let d0 = select(vec4(0.0), q0.deviation - mean, q0.valid);
    let d1 = select(vec4(0.0), q1.deviation - mean, q1.valid);
    let d2 = select(vec4(0.0), q2.deviation - mean, q2.valid);
    let d3 = select(vec4(0.0), q3.deviation - mean, q3.valid);
    let m2 = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3;
    let count = seen.count + n;
    let fraction = n / max(count, vec4(1.0));
    let delta = mean - seen.mean;
    // As in merge.
    let largest = vec4(LARGEST);
    let beyond = (abs(seen.mean) > largest) | (abs(mean) > largest) | (abs(delta) > largest);
    let merged = select(seen.mean + delta * fraction, seen.mean * (1.0 - fraction) + mean * fraction, beyond);
    return Columns(
        count,
        select(seen.mean, merged, n > vec4(0.0)),
        seen.m2 + m2 + delta * delta * (seen.count * fraction),
    );
}

fn first_of(channel: u32) -> f32 {
    let at = select(0u, channel * params.plane, params.batch > 0u);
    let lane = x[at / PER_LANE];
    if (HALF) {
        let word = lane[(at >> 1u) & 3u];
        return unpack2x16float(word)[at & 1u];
    }
    return bitcast<f32>(lane[at & 3u]);
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
    let block = select(vec2(WX, 0u), vec2(0u, 1u), ALONG_BATCH);
    let lanes_of_a_block = select(4u, 2u, HALF);
    let step = select(vec2(lanes_of_a_block * WX, 1u), vec2(WX, lanes_of_a_block), ALONG_BATCH);
    let first = first_of(channel);
    let finite = (bitcast<u32>(first) & 0x7f800000u) != 0x7f800000u;
    let pivot = select(0.0, first, finite);

    var seen = Columns();
    for (var plane = first_plane; plane < end_plane; plane += step.y) {
        let start = (plane * params.channels + channel) * params.plane;
        let lanes = (start + params.plane + PER_LANE - 1u) / PER_LANE - start / PER_LANE;
        // Of the planes of a block, all may have as many lanes as the one that has most.
        let most = select(lanes, params.plane / PER_LANE + 2u, ALONG_BATCH && EDGES);
        let end_lane = min(first_lane + params.run_lanes, most);
        for (var lane = first_lane + local.x; lane < end_lane; lane += step.x) {
            let at1 = vec2(lane, plane) + block;
            let has1 = at1.x < end_lane && at1.y < end_plane;
            let lane0 = load(plane, lane, channel, true);
            let lane1 = load(at1.y, at1.x, channel, has1);
            if (HALF) {
                let wide0 = widened(lane0.bits);
                let wide1 = widened(lane1.bits);
                seen = add_block(
                    seen,
                    quad(wide0.left, lane0.place, true, pivot),
                    quad(wide0.right, lane0.place + 4, true, pivot),
                    quad(wide1.left, lane1.place, has1, pivot),
                    quad(wide1.right, lane1.place + 4, has1, pivot),
                );
                continue;
            }
            let at2 = at1 + block;
            let at3 = at2 + block;
            let has2 = at2.x < end_lane && at2.y < end_plane;
            let has3 = at3.x < end_lane && at3.y < end_plane;
            let lane2 = load(at2.y, at2.x, channel, has2);
            let lane3 = load(at3.y, at3.x, channel, has3);
            seen = add_block(
                seen,
                quad(lane0.bits, lane0.place, true, pivot),
                quad(lane1.bits, lane1.place, has1, pivot),
                quad(lane2.bits, lane2.place, has2, pivot),
                quad(lane3.bits, lane3.place, has3, pivot),
            );
        }
    }
    let front = merge(Moments(seen.count.x, seen.mean.x, seen.m2.x), Moments(seen.count.y, seen.mean.y, seen.m2.y));
    let back = merge(Moments(seen.count.z, seen.mean.z, seen.m2.z), Moments(seen.count.w, seen.mean.w, seen.m2.w));
    let all = merge_workgroup(thread, merge(front, back));
    if (thread == 0u) {
        partials[channel * params.parts + part] = vec4(all.count, all.mean, all.m2, pivot);
    }
    if (thread == 0u && part == 0u) {
        partials[params.channels * params.parts + channel] =
            vec4(weight[channel], bias[channel], running_mean[channel], running_variance[channel]);
    }
    if (thread == 0u && part == 0u && channel == 0u) {
        let low = batches[0] + 1u;
        new_batches[0] = low;
        new_batches[1] = batches[1] + select(0u, 1u, low == 0u);
    }
}
