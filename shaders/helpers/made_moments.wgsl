// Moments of what a kernel makes, for the batch norm behind it, which else would read all of it again: of a channel over the
// outputs of a workgroup. A thread merges those of its rows as it stores them, a workgroup those of its threads.
//
//   partials[channel, part] = (count, mean, m2, pivot) of the outputs of the part - pivot
//
// A thread's pivot is the first value that it makes, 0 if that is not finite; a part's is its first thread's.
//
// Of the kernel: workgroups of 64 threads, of one z each.
// Source: Chan, Golub, LeVeque (1979), helpers/moments.wgsl; helpers/sample.wgsl.

override PARTS_X: u32; // workgroups of a plane
override PARTS_Y: u32;

@group(0) @binding(8) var<storage, read_write> partials: array<vec4<f32>>; // [channels, batch PARTS_Y PARTS_X]

var<private> seen: Moments; // of the thread
var<private> pivot: f32;
var<workgroup> pivot_of_part: f32;

// Takes the first `count` of eight outputs.
fn see(count: u32, octet: Octet) {
    if (seen.count == 0.0) { pivot = pivot_in(octet); }
    seen = merge(seen, sample(count, octet, pivot));
}

// Stores the moments of all threads of a workgroup, of a plane's part. Threads that have made nothing take part.
fn hand_over(channel: u32, picture: u32, workgroup: vec3<u32>, thread: u32) {
    if (thread == 0u) { pivot_of_part = pivot; }
    workgroupBarrier();
    let mean = select(0.0, seen.mean + (pivot - pivot_of_part), seen.count > 0.0);
    let all = merge_workgroup(thread, Moments(seen.count, mean, seen.m2));
    if (thread > 0u) { return; }
    let part = (picture * PARTS_Y + workgroup.y) * PARTS_X + workgroup.x;
    partials[channel * params.batch * PARTS_Y * PARTS_X + part] = vec4(all.count, all.mean, all.m2, pivot);
}
