// An affine function of each channel over its planes, which may begin within a lane: a lane belongs to the plane in which
// it begins, and what is behind the end of that plane is of the next channels.
//
// Of the kernel: `x`, `y`, `params` and `affine_of`, the function of a channel.

override PER_LANE: u32 = 4u + 4u * u32(HALF);
// Planes that a lane may reach into: 1 where all begin at lanes, 2, or 3 for more where they are shorter than a lane.
override REACH: u32;
override PER_THREAD: u32; // lanes
override ROW: u32;        // threads of a row

// y = ((x - pivot) - center) * scale + shift
struct Affine {
    pivot: f32,
    center: f32,
    scale: f32,
    shift: f32,
}

fn apply(bits: vec4<u32>, f: Affine) -> vec4<u32> {
    return bits_of(((number(bits) - f.pivot) - f.center) * f.scale + f.shift);
}

fn apply_lane(lane: vec4<u32>, f: Affine) -> vec4<u32> {
    if (HALF) {
        let octet = widened(lane);
        return narrowed(Octet(apply(octet.left, f), apply(octet.right, f)));
    }
    return apply(lane, f);
}

// Four elements, of which the first has this place in a plane of `channel`: each by the function of its own channel.
fn apply_across(bits: vec4<u32>, channel: u32, place: u32) -> vec4<u32> {
    var result = vec4(0u);
    var current = channel + place / params.plane;
    var left = params.plane - place % params.plane; // elements to the end of the current channel
    var f = affine_of(current % params.channels);
    for (var i = 0u; i < 4u; i++) {
        if (left == 0u) {
            current += 1u;
            left = params.plane;
            f = affine_of(current % params.channels);
        }
        result[i] = apply(vec4(bits[i]), f).x;
        left -= 1u;
    }
    return result;
}

fn lane_across(lane: vec4<u32>, channel: u32, place: u32) -> vec4<u32> {
    if (HALF) {
        let octet = widened(lane);
        return narrowed(Octet(apply_across(octet.left, channel, place), apply_across(octet.right, channel, place + 4u)));
    }
    return apply_across(lane, channel, place);
}

// The lane that begins at `place` in a plane of `channel`, whose function is `own`.
fn transform(lane: u32, bits: vec4<u32>, channel: u32, place: u32, own: Affine) {
    if (REACH > 1u && place + PER_LANE > params.plane) {
        y[lane] = lane_across(bits, channel, place);
    } else {
        y[lane] = apply_lane(bits, own);
    }
}

// The lanes of a plane that a thread has: a row of ROW threads has ROW times PER_THREAD neighbours, every ROW-th each.
fn transform_plane(picture: u32, channel: u32, thread: u32, own: Affine) {
    let start = (picture * params.channels + channel) * params.plane;
    let first = (start + PER_LANE - 1u) / PER_LANE;
    let end = (start + params.plane + PER_LANE - 1u) / PER_LANE;
    let begin = first + thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let stop = min(begin + ROW * PER_THREAD, end);
    for (var lane = begin; lane < stop; lane += ROW) {
        transform(lane, x[lane], channel, lane * PER_LANE - start, own);
    }
}
