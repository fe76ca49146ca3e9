// Moments of what a kernel makes, for the batch norm behind it, which else would read all of it again: of each filter over the
// outputs of a workgroup. A thread merges those of its stretches as it stores them, a workgroup those of its threads.
//
//   partials[channel, part] = (count, mean, m2, pivot) of the outputs of the part - pivot
//
// A thread's pivot is the first value that it makes, 0 if that is not finite; a part's is its first thread's.
//
// Of the kernel: workgroups of 64 threads, of one z each.
// Source: Chan, Golub, LeVeque (1979), helpers/moments.wgsl.

override PARTS_X: u32; // workgroups of a plane
override PARTS_Y: u32;

@group(0) @binding(8) var<storage, read_write> partials: array<vec4<f32>>; // [channels, batch PARTS_Y PARTS_X]

var<private> seen: array<vec4<f32>, 16>; // of each filter: count, mean, m2, pivot
var<workgroup> pivot_of_part: f32;

// Where a workgroup is: its picture, and which part of it.
struct Made {
    plane: u32,
    workgroup: vec3<u32>,
    thread: u32,
}

fn sum4(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

// Takes the first `count` of eight outputs of filter f.
fn see(f: u32, count: u32, left: vec4<f32>, right: vec4<f32>) {
    // As they are stored.
    let a = number(bits_of(left));
    let b = number(bits_of(right));
    let finite = (bitcast<u32>(a.x) & 0x7f800000u) != 0x7f800000u;
    let pivot = select(seen[f].w, select(0.0, a.x, finite), seen[f].x == 0.0);
    let in_left = vec4(0u, 1u, 2u, 3u) < vec4(count);
    let in_right = vec4(4u, 5u, 6u, 7u) < vec4(count);
    let d = select(vec4(0.0), a - pivot, in_left);
    let e = select(vec4(0.0), b - pivot, in_right);
    let mean = sum4(d + e) / f32(count);
    let left_rest = select(vec4(0.0), d - mean, in_left);
    let right_rest = select(vec4(0.0), e - mean, in_right);
    let own = Moments(f32(count), mean, sum4(fma(left_rest, left_rest, right_rest * right_rest)));
    let all = merge(Moments(seen[f].x, seen[f].y, seen[f].z), own);
    seen[f] = vec4(all.count, all.mean, all.m2, pivot);
}

// Stores the moments of filter f of all threads, if there is such a filter, as those of a channel. Threads that have made
// nothing take part.
fn hand_over(f: u32, has: bool, channel: u32, made: Made) {
    if (made.thread == 0u) { pivot_of_part = seen[f].w; }
    workgroupBarrier();
    let pivot = pivot_of_part;
    let mean = select(0.0, seen[f].y + (seen[f].w - pivot), seen[f].x > 0.0);
    let all = merge_workgroup(made.thread, Moments(seen[f].x, mean, seen[f].z));
    if (made.thread > 0u || !has) { return; }
    let part = (made.plane * PARTS_Y + made.workgroup.y) * PARTS_X + made.workgroup.x;
    partials[channel * params.batch * PARTS_Y * PARTS_X + part] = vec4(all.count, all.mean, all.m2, pivot);
}
