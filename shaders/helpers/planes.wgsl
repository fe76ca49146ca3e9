// An affine function of each channel over its planes, which may begin within a lane: a lane belongs to the plane in which
// it begins, and what is behind the end of that plane is of the next channels.
//
// Of the kernel: `x`, `y`, `params` and `affine_of`, the function of a channel.

override PER_LANE: u32 = 4u + 4u * u32(HALF);
// Planes that a lane may reach into: 1 where all begin at lanes, 2, or 3 for more where they are shorter than a lane.
override REACH: u32;
override PER_THREAD: u32; // lanes
override ROW: u32;        // threads of a row
override PICTURES: u32;   // of a thread

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

// Four elements, of which those from place `end` on are of the next channel.
fn apply_both(bits: vec4<u32>, f: Affine, next: Affine, end: u32) -> vec4<u32> {
    let own = vec4(0u, 1u, 2u, 3u) < vec4(end);
    let pivot = select(vec4(next.pivot), vec4(f.pivot), own);
    let center = select(vec4(next.center), vec4(f.center), own);
    let scale = select(vec4(next.scale), vec4(f.scale), own);
    let shift = select(vec4(next.shift), vec4(f.shift), own);
    return bits_of(((number(bits) - pivot) - center) * scale + shift);
}

// Four elements, of which the first has this place from the beginning of a plane of `channel` on: each by the function of
// its own channel.
fn apply_each(bits: vec4<u32>, channel: u32, place: u32) -> vec4<u32> {
    var result = vec4(0u);
    for (var i = 0u; i < 4u; i++) {
        let own = channel + (place + i) / params.plane;
        result[i] = apply(vec4(bits[i]), affine_of(own % params.channels)).x;
    }
    return result;
}

// A lane that begins at `place` in a plane of `channel`, whose function is `f`, and reaches beyond it.
fn lane_across(lane: vec4<u32>, channel: u32, place: u32, f: Affine) -> vec4<u32> {
    let octet = widened(lane);
    if (REACH > 2u) {
        if (HALF) {
            return narrowed(Octet(apply_each(octet.left, channel, place), apply_each(octet.right, channel, place + 4u)));
        }
        return apply_each(lane, channel, place);
    }
    let next = affine_of((channel + 1u) % params.channels);
    let end = params.plane - place;
    if (HALF) {
        let right = max(end, 4u) - 4u;
        return narrowed(Octet(apply_both(octet.left, f, next, end), apply_both(octet.right, f, next, right)));
    }
    return apply_both(lane, f, next, end);
}

// The lanes of a plane that a thread has: a row of ROW threads has ROW times PER_THREAD neighbours, every ROW-th each. The
// last lane of the plane, if it reaches beyond, is the first thread's besides.
fn transform_plane(picture: u32, channel: u32, thread: u32, own: Affine) {
    let start = (picture * params.channels + channel) * params.plane;
    let first = (start + PER_LANE - 1u) / PER_LANE;
    let end = select((start + params.plane) / PER_LANE, first, REACH > 2u);
    let begin = first + thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let stop = min(begin + ROW * PER_THREAD, end);
    for (var lane = begin; lane < stop; lane += ROW) { y[lane] = apply_lane(x[lane], own); }
    if (REACH == 1u || thread > 0u) { return; }
    if (end * PER_LANE < start + params.plane) { y[end] = lane_across(x[end], channel, end * PER_LANE - start, own); }
}

// The planes of a channel in some pictures from the `first` on.
fn transform_planes(first: u32, channel: u32, thread: u32, own: Affine) {
    // Written out: a loop of one turn is not free.
    if (PICTURES == 1u) {
        if (first < params.batch) { transform_plane(first, channel, thread, own); }
        return;
    }
    for (var picture = first; picture < min(first + PICTURES, params.batch); picture++) {
        transform_plane(picture, channel, thread, own);
    }
}
