// An affine function of each channel over its planes, which may begin within a lane: what is behind the end of a plane is of
// the next channels. Of large planes a thread has some of the lanes that begin in one; where planes are SMALL, it has one lane
// in several pictures, and makes its functions once.
//
// Behind it, on the way out: helpers/way_out_lanes.wgsl.
//
// Of the kernel: `x`, `skip`, `y`, `params` and `affine_of`, the function of a channel.

// Planes that a lane may reach into: 1 where all begin at lanes, 2, or 3 for more where they are shorter than a lane.
override REACH: u32;
override SMALL: bool;
override PER_THREAD: u32; // lanes, of large planes
override ROW: u32;        // threads of a row, of large planes
override PICTURES: u32;   // of a thread

// y = ((x - pivot) - center) * scale + shift
struct Affine {
    pivot: f32,
    center: f32,
    scale: f32,
    shift: f32,
}

// The functions of four neighbours.
struct Affines {
    pivot: vec4<f32>,
    center: vec4<f32>,
    scale: vec4<f32>,
    shift: vec4<f32>,
}

// Of a lane; without HALF, `left` is all of it.
struct LaneAffines {
    left: Affines,
    right: Affines,
}

fn apply(bits: vec4<u32>, other: vec4<u32>, f: Affines) -> vec4<u32> {
    return finished(((number(bits) - f.pivot) - f.center) * f.scale + f.shift, other);
}

fn apply_lane(at: u32, f: LaneAffines) {
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

fn everywhere(f: Affine) -> Affines {
    return Affines(vec4(f.pivot), vec4(f.center), vec4(f.scale), vec4(f.shift));
}

// Of four elements from `place` of a plane on, of which those behind its end are of the next channel.
fn across(f: Affine, next: Affine, place: u32) -> Affines {
    let own = vec4(0u, 1u, 2u, 3u) + place < vec4(params.plane);
    let pivot = select(vec4(next.pivot), vec4(f.pivot), own);
    let center = select(vec4(next.center), vec4(f.center), own);
    let scale = select(vec4(next.scale), vec4(f.scale), own);
    return Affines(pivot, center, scale, select(vec4(next.shift), vec4(f.shift), own));
}

// Of four elements, of which the first has this place from the beginning of a plane of `channel` on.
fn each(channel: u32, place: u32) -> Affines {
    var all: Affines;
    for (var i = 0u; i < 4u; i++) {
        let f = affine_of((channel + (place + i) / params.plane) % params.channels);
        all.pivot[i] = f.pivot;
        all.center[i] = f.center;
        all.scale[i] = f.scale;
        all.shift[i] = f.shift;
    }
    return all;
}

// Of a lane that begins at `place` in a plane of `channel`, whose function is `f`.
fn affines_of(channel: u32, place: u32, f: Affine) -> LaneAffines {
    if (REACH == 1u) { return LaneAffines(everywhere(f), everywhere(f)); }
    let next = affine_of((channel + 1u) % params.channels);
    return LaneAffines(across(f, next, place), across(f, next, place + 4u));
}

// A lane of a picture, in the pictures from `first` on. Where pictures begin within lanes, they are one whose lanes are those
// of all.
fn transform_lanes(lane: u32, first: u32) {
    let element = lane * PER_LANE;
    let channel = element / params.plane % params.channels;
    let place = element % params.plane;
    var f: LaneAffines;
    if (REACH > 2u) {
        f.left = each(channel, place);
        if (HALF) { f.right = each(channel, place + 4u); }
    } else {
        f = affines_of(channel, place, affine_of(channel));
    }
    // Written out: a loop of one turn is not free.
    if (PICTURES == 1u) {
        apply_lane(first * params.lanes + lane, f);
        return;
    }
    for (var picture = first; picture < min(first + PICTURES, params.batch); picture++) {
        apply_lane(picture * params.lanes + lane, f);
    }
}

// The lanes of a plane that a thread has: a row of ROW threads has ROW times PER_THREAD neighbours, every ROW-th each. The
// last lane of the plane, if it reaches beyond, is the first thread's besides.
fn transform_plane(picture: u32, channel: u32, thread: u32, own: Affine) {
    let start = (picture * params.channels + channel) * params.plane;
    let first = (start + PER_LANE - 1u) / PER_LANE;
    let end = (start + params.plane) / PER_LANE;
    let begin = first + thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let stop = min(begin + ROW * PER_THREAD, end);
    let f = LaneAffines(everywhere(own), everywhere(own));
    for (var lane = begin; lane < stop; lane += ROW) { apply_lane(lane, f); }
    if (REACH == 1u || thread > 0u || end * PER_LANE == start + params.plane) { return; }
    apply_lane(end, affines_of(channel, end * PER_LANE - start, own));
}
