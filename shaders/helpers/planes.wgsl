// An affine function of each channel over its planes, which may begin within a lane: a lane belongs to the plane in which
// it begins, and what is behind the end of that plane is of the next channels.
//
// Behind it, on the way out: the sum with another tensor, ReLU.
//
// Of the kernel: `x`, `skip`, `y`, `params` and `affine_of`, the function of a channel.

override PER_LANE: u32 = 4u + 4u * u32(HALF);
// Planes that a lane may reach into: 1 where all begin at lanes, 2, or 3 for more where they are shorter than a lane.
override REACH: u32;
override PER_THREAD: u32; // lanes
override ROW: u32;        // threads of a row
override PICTURES: u32;   // of a thread
override OUT_SKIP: bool = false;
override OUT_RELU: bool = false;

// y = ((x - pivot) - center) * scale + shift
struct Affine {
    pivot: f32,
    center: f32,
    scale: f32,
    shift: f32,
}

// Bits of results, behind the way out.
fn finished(result: vec4<f32>, other: vec4<u32>) -> vec4<u32> {
    var y = result;
    if (OUT_SKIP) { y += number(other); }
    if (OUT_RELU) { y = rectified(y); }
    return bits_of(y);
}

fn skip_lane(at: u32) -> vec4<u32> {
    if (OUT_SKIP) { return skip[y_at(at)]; }
    return vec4(0u);
}

fn apply(bits: vec4<u32>, other: vec4<u32>, f: Affine) -> vec4<u32> {
    return finished(((number(bits) - f.pivot) - f.center) * f.scale + f.shift, other);
}

fn apply_lane(at: u32, f: Affine) -> vec4<u32> {
    let lane = x[x_at(at)];
    let other = skip_lane(at);
    if (HALF) {
        let octet = widened(lane);
        let others = widened(other);
        return narrowed(Octet(apply(octet.left, others.left, f), apply(octet.right, others.right, f)));
    }
    return apply(lane, other, f);
}

// Four elements, of which those from place `end` on are of the next channel.
fn apply_both(bits: vec4<u32>, other: vec4<u32>, f: Affine, next: Affine, end: u32) -> vec4<u32> {
    let own = vec4(0u, 1u, 2u, 3u) < vec4(end);
    let pivot = select(vec4(next.pivot), vec4(f.pivot), own);
    let center = select(vec4(next.center), vec4(f.center), own);
    let scale = select(vec4(next.scale), vec4(f.scale), own);
    let shift = select(vec4(next.shift), vec4(f.shift), own);
    return finished(((number(bits) - pivot) - center) * scale + shift, other);
}

// Four elements, of which the first has this place from the beginning of a plane of `channel` on: each by the function of
// its own channel.
fn apply_each(bits: vec4<u32>, other: vec4<u32>, channel: u32, place: u32) -> vec4<u32> {
    var result = vec4(0u);
    for (var i = 0u; i < 4u; i++) {
        let own = channel + (place + i) / params.plane;
        result[i] = apply(vec4(bits[i]), vec4(other[i]), affine_of(own % params.channels)).x;
    }
    return result;
}

// A lane that begins at `place` in a plane of `channel`, whose function is `f`, and reaches beyond it.
fn lane_across(at: u32, channel: u32, place: u32, f: Affine) -> vec4<u32> {
    let lane = x[x_at(at)];
    let other = skip_lane(at);
    let octet = widened(lane);
    let others = widened(other);
    if (REACH > 2u) {
        if (HALF) {
            let left = apply_each(octet.left, others.left, channel, place);
            return narrowed(Octet(left, apply_each(octet.right, others.right, channel, place + 4u)));
        }
        return apply_each(lane, other, channel, place);
    }
    let next = affine_of((channel + 1u) % params.channels);
    let end = params.plane - place;
    if (HALF) {
        let left = apply_both(octet.left, others.left, f, next, end);
        return narrowed(Octet(left, apply_both(octet.right, others.right, f, next, max(end, 4u) - 4u)));
    }
    return apply_both(lane, other, f, next, end);
}

// The lanes of a plane that a thread has: a row of ROW threads has ROW times PER_THREAD neighbours, every ROW-th each. The
// last lane of the plane, if it reaches beyond, is the first thread's besides.
fn transform_plane(picture: u32, channel: u32, thread: u32, own: Affine) {
    let start = (picture * params.channels + channel) * params.plane;
    let first = (start + PER_LANE - 1u) / PER_LANE;
    let end = select((start + params.plane) / PER_LANE, first, REACH > 2u);
    let begin = first + thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let stop = min(begin + ROW * PER_THREAD, end);
    for (var lane = begin; lane < stop; lane += ROW) { y[y_at(lane)] = apply_lane(lane, own); }
    if (REACH == 1u || thread > 0u) { return; }
    if (end * PER_LANE < start + params.plane) { y[y_at(end)] = lane_across(end, channel, end * PER_LANE - start, own); }
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
