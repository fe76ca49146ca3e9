// Which lanes of planes a thread has, where channels have functions: helpers/functions.wgsl. Of large planes it has some of the lanes that
// begin in one; where planes are SMALL, it has one lane in several pictures, and makes its functions once.
//
// Of the kernel: `apply_lane`, which makes a lane of the output with the functions of its elements.

override SMALL: bool;
override PER_THREAD: u32; // lanes, of large planes
override ROW: u32;        // threads of a row, of large planes
override PICTURES: u32;   // of a thread

// A lane of a picture, in the pictures from `first` on. Where pictures begin within lanes, they are one whose lanes are those
// of all.
fn transform_lanes(lane: u32, first: u32) {
    let element = lane * PER_LANE;
    let channel = element / params.plane % params.channels;
    let place = element % params.plane;
    var f: LaneFunctions;
    if (REACH > 2u) {
        f.left = each(channel, place);
        if (HALF) { f.right = each(channel, place + 4u); }
    } else {
        f = of_lane(channel, place, functions_of(channel));
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
fn transform_plane(picture: u32, channel: u32, thread: u32, own: Functions) {
    let start = (picture * params.channels + channel) * params.plane;
    let first = (start + PER_LANE - 1u) / PER_LANE;
    let end = (start + params.plane) / PER_LANE;
    let begin = first + thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let stop = min(begin + ROW * PER_THREAD, end);
    let f = LaneFunctions(everywhere(own), everywhere(own));
    for (var lane = begin; lane < stop; lane += ROW) { apply_lane(lane, f); }
    if (REACH == 1u || thread > 0u || end * PER_LANE == start + params.plane) { return; }
    apply_lane(end, of_lane(channel, end * PER_LANE - start, own));
}

// What a thread has; z: pictures, or so many times PICTURES of them.
fn transform(id: vec3<u32>) {
    if (id.z * PICTURES >= params.batch) { return; }
    if (SMALL) {
        if (id.x < params.lanes) { transform_lanes(id.x, id.z * PICTURES); }
    } else {
        transform_plane(id.z, id.y, id.x, functions_of(id.y));
    }
}
