// The input, bit by bit: what every memory-bound kernel is measured against.
//
//   y[i] = x[i]
//
// Grid: x = rows of ROW threads, of which each has every ROW-th of PER_THREAD times as many neighbouring lanes.
// Numerics: exact; words are moved, never interpreted, so NaN payloads and denormals survive.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override PER_THREAD: u32 = 1u; // lanes
override ROW: u32 = 1u;        // threads
override SLICED: bool = false; // a part is bound of x and y

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    lanes: u32,        // 16-byte lanes of the tensor
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;        // [lanes]
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;  // [lanes]
@group(0) @binding(2) var<uniform> params: Params;

fn copy(lane: u32) {
    if (SLICED) {
        y[lane - params.y_base] = x[lane - params.x_base];
    } else {
        y[lane] = x[lane];
    }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let thread = (workgroup.x + params.origin.x) * WX + local;
    if (PER_THREAD == 1u) {
        if (thread < params.lanes) { copy(thread); }
        return;
    }
    let begin = thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let end = min(begin + ROW * PER_THREAD, params.lanes);
    for (var lane = begin; lane < end; lane += ROW) { copy(lane); }
}
