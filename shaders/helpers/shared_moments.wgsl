// Moments of what conv_shared.wgsl makes, for the batch norm behind it, which else would read all of it again: of a filter over the
// pixels of a workgroup. A thread merges those of its two fours as it stores them, a row of threads, which have the same
// filters, theirs.
//
//   partials[filter, part] = (count, mean, m2, pivot) of the outputs of the part - pivot
//
// A thread's pivot is the first value of a filter that it makes, 0 if that is not finite; a part's is that of its row's first thread.
//
// Of the kernel: `met`, the workgroup's memory, of four vectors for each thread at least.
// Source: Chan, Golub, LeVeque (1979), helpers/moments.wgsl; helpers/sample.wgsl.

override PARTS_X: u32; // workgroups of the pixels of a picture, or of all
override PARTS: u32;   // of all pictures

@group(0) @binding(8) var<storage, read_write> partials: array<vec4<f32>>; // [GROUPS FILTERS, PARTS]

var<private> seen: array<vec4<f32>, 8>; // (count, mean, m2, pivot) of each filter of the thread

fn moments_in(v: vec4<f32>) -> Moments {
    return Moments(v.x, v.y, v.z);
}

// Takes the first `count` of eight outputs of filter f.
fn see(f: u32, count: u32, octet: Octet) {
    var pivot = seen[f].w;
    if (seen[f].x == 0.0) { pivot = pivot_in(octet); }
    let all = merge(moments_in(seen[f]), sample(count, octet, pivot));
    seen[f] = vec4(all.count, all.mean, all.m2, pivot);
}

// Merges those of a filter over a row of threads, in order.
fn merge_row(row: u32, i: u32) -> vec4<f32> {
    let first = met[row * WX * 4u + i];
    var all = moments_in(first);
    for (var thread = 1u; thread < WX; thread++) {
        let next = met[(row * WX + thread) * 4u + i];
        // Threads that have made nothing have no pivot.
        let mean = select(0.0, next.y + (next.w - first.w), next.x > 0.0);
        all = merge(all, Moments(next.x, mean, next.z));
    }
    return vec4(all.count, all.mean, all.m2, first.w);
}

// Four filters from the `first` of a thread on.
fn hand_over_four(place: Place, part: u32, local: vec3<u32>, index: u32, first: u32) {
    workgroupBarrier();
    met[4u * index] = seen[first];
    met[4u * index + 1u] = seen[first + 1u];
    met[4u * index + 2u] = seen[first + 2u];
    met[4u * index + 3u] = seen[first + 3u];
    workgroupBarrier();
    let within = place.tile % TILES * TILE + 8u * local.y + first + local.x;
    if (local.x >= 4u || within >= FILTERS) { return; }
    let filter_index = place.tile / TILES * FILTERS + within;
    partials[filter_index * PARTS + place.picture * PARTS_X + part] = merge_row(local.y, local.x);
}

// Stores the moments of all threads of a workgroup, which all take part.
fn hand_over(place: Place, part: u32, local: vec3<u32>, index: u32) {
    hand_over_four(place, part, local, index, 0u);
    hand_over_four(place, part, local, index, 4u);
}
