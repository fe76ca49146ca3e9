// Moments of each part of a channel: first pass of batch normalisation in training.
//
//   partials[c, part] = (count, mean, m2, pivot) of x[planes of the part, c, lanes of the part] - pivot
//   partials[C parts + c] = (weight, bias, running_mean, running_variance), new_batches = batches + 1
//   partials[C parts + C + c] = the affine function on the way in, if IN_AFFINE; x is what that and ReLU leave
//
// The pivot is the channel's first element: deviations from it are small where the mean is large, so the mean costs
// no digits of the variance; one that is not finite would hide the others, then it is 0. A channel is cut into runs: a
// stretch of a plane, or of each of several planes. A row of WX threads walks one, so that what it reads is contiguous
// from one step to the next. A thread takes blocks of eight quads, in two passes over registers, and merges the blocks.
// The second pass finds what else it needs behind the partials: a kernel may bind few buffers.
//
// Grid: x = parts of a channel, WY runs each; z = channels, one a workgroup, or eight where they are small.
// Numerics: f32, the order a function of the shape only.
// Source: Chan, Golub, LeVeque (1979), see helpers/moments.wgsl.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override ALONG_BATCH: bool; // the lanes of a block are in as many planes, else in one
override EDGES: bool;       // planes do not begin at lanes
override PIVOTS: bool = false; // store the pivots and nothing else
override GIVEN: bool = false;  // the pivots are stored: of a tensor beyond a binding, its first elements are not in every slice

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,
    batch: u32,
    plane: u32,        // elements of a plane
    lanes: u32,
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
@group(0) @binding(4) var<storage, read> weight: array<f32>;               // [channels]; behind it, if IN_AFFINE, way_in
@group(0) @binding(5) var<storage, read> bias: array<f32>;                 // [channels]
@group(0) @binding(6) var<storage, read_write> new_batches: array<u32>;    // [2], i64, low word first
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<f32>>; // [channels (parts + 1)], or (parts + 2) if IN_AFFINE
@group(0) @binding(8) var<uniform> params: Params;

// The lane of this number among those that overlap the plane, and the place of its first element in the plane.
struct Lane {
    bits: vec4<u32>,
    place: i32,
}

fn load(plane: u32, lane: u32, channel: u32, has: bool) -> Lane {
    let start = (plane * params.channels + channel) * params.plane;
    let at = start / PER_LANE + lane;
    let place = i32(at * PER_LANE) - i32(start);
    return Lane(x[select(0u, x_at(at), has && place < i32(params.plane))], place);
}

fn first_of(channel: u32) -> f32 {
    let at = select(0u, channel * params.plane, params.batch > 0u);
    let lane = x[x_at(at / PER_LANE)];
    if (HALF) {
        let word = lane[(at >> 1u) & 3u];
        return entered(vec4(unpack2x16float(word)[at & 1u])).x;
    }
    return entered(bitcast<vec4<f32>>(lane))[at & 3u];
}

fn given_entry(channel: u32) -> vec4<f32> {
    let at = params.channels + 4u * channel;
    return vec4(weight[at], weight[at + 1u], weight[at + 2u], weight[at + 3u]);
}

fn pivot_of(channel: u32, part: u32) -> f32 {
    if (GIVEN) { return partials[channel * params.parts + part].w; }
    let first = first_of(channel);
    let finite = (bitcast<u32>(first) & 0x7f800000u) != 0x7f800000u;
    return select(0.0, first, finite);
}

// Merges the moments of the threads of a channel, 64 or eight, in the first of them.
fn merge_channel(thread: u32, own: Moments) -> Moments {
    if (WZ == 1u) { return merge_workgroup(thread, own); }
    merging[thread] = own;
    workgroupBarrier();
    return merge_eight(thread & ~7u, 1u);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let part = workgroup.x + params.origin.x;
    // Behind the last channel of the last workgroup the last one is seen again, and not stored.
    let own_channel = (workgroup.z + params.origin.z) * WZ + local.z;
    let channel = min(own_channel, params.channels - 1u);
    let run = part * WY + local.y;
    let first_plane = run / params.runs_x * params.run_planes;
    let first_lane = run % params.runs_x * params.run_lanes;
    let end_plane = min(first_plane + params.run_planes, params.batch);
    let block = select(vec2(WX, 0u), vec2(0u, 1u), ALONG_BATCH);
    let lanes_of_a_block = select(8u, 4u, HALF);
    let step = select(vec2(lanes_of_a_block * WX, 1u), vec2(WX, lanes_of_a_block), ALONG_BATCH);
    if (IN_AFFINE) { entry = given_entry(channel); }
    let pivot = pivot_of(channel, part);
    if (PIVOTS) {
        if (local.x == 0u && local.y == 0u && own_channel < params.channels) {
            partials[channel * params.parts + part].w = pivot;
        }
        return;
    }

    var seen = Columns();
    for (var plane = first_plane; plane < end_plane; plane += step.y) {
        let start = (plane * params.channels + channel) * params.plane;
        let lanes = (start + params.plane + PER_LANE - 1u) / PER_LANE - start / PER_LANE;
        // Of the planes of a block, all may have as many lanes as the one that has most.
        let most = select(lanes, params.plane / PER_LANE + 2u, ALONG_BATCH && EDGES);
        let end_lane = min(first_lane + params.run_lanes, most);
        for (var lane = first_lane + local.x; lane < end_lane; lane += step.x) {
            var quads: array<Quad, 8>;
            for (var i = 0u; i < lanes_of_a_block; i++) {
                let at = vec2(lane, plane) + i * block;
                let has = at.x < end_lane && at.y < end_plane;
                let loaded = load(at.y, at.x, channel, has);
                if (HALF) {
                    let octet = widened(loaded.bits);
                    quads[2u * i] = quad(octet.left, loaded.place, has, pivot);
                    quads[2u * i + 1u] = quad(octet.right, loaded.place + 4, has, pivot);
                } else {
                    quads[i] = quad(loaded.bits, loaded.place, has, pivot);
                }
            }
            seen = add_block(seen, quads);
        }
    }
    let all = merge_channel(thread, merge_columns(seen));
    if (local.x > 0u || local.y > 0u || own_channel >= params.channels) { return; }
    partials[channel * params.parts + part] = vec4(all.count, all.mean, all.m2, pivot);
    if (part > 0u) { return; }
    partials[params.channels * params.parts + channel] =
        vec4(weight[channel], bias[channel], running_mean[channel], running_variance[channel]);
    if (IN_AFFINE) { partials[params.channels * (params.parts + 1u) + channel] = entry; }
    if (channel > 0u) { return; }
    let low = batches[0] + 1u;
    new_batches[0] = low;
    new_batches[1] = batches[1] + select(0u, 1u, low == 0u);
}
