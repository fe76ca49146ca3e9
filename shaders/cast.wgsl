// Change of type between f32 and f16.
//
//   y = x, rounded to the nearest where it becomes narrower
//
// Grid: x = rows of ROW threads, of which each has every ROW-th of PER_THREAD times as many neighbouring lanes of the f16 tensor; or a
// lane of the f32 tensor each, if a thread makes a SINGLE one of it.
// Numerics: exact; ties go to even, numbers beyond the largest f16 become infinite.
// Source: torch.Tensor.to.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override NARROW: bool; // f32 to f16, else f16 to f32
override PER_THREAD: u32; // lanes
override ROW: u32;        // threads
override SINGLE: bool; // a thread makes one lane where it widens, else two: a GPU stores a part of what memory takes at once

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    lanes: u32,        // 16-byte lanes of the f16 tensor
    wide_lanes: u32,   // of the f32 tensor, as many again or one less
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

// `number` of storage.wgsl is of the type that HALF names.
fn wide(bits: vec4<u32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(vec4(half_number(bits.x), half_number(bits.y), half_number(bits.z), half_number(bits.w)));
}

// Makes what belongs to a lane of the f16 tensor.
fn convert(lane: u32) {
    let second = min(2u * lane + 1u, params.wide_lanes - 1u);
    if (NARROW) {
        let left = half_bits(bitcast<vec4<f32>>(x[x_at(2u * lane)]));
        let right = half_bits(bitcast<vec4<f32>>(x[x_at(second)]));
        y[y_at(lane)] = narrowed(Octet(left, right));
    } else {
        let octet = widened(x[x_at(lane)]);
        y[y_at(2u * lane)] = wide(octet.left);
        if (second == 2u * lane + 1u) { y[y_at(second)] = wide(octet.right); }
    }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let thread = (workgroup.x + params.origin.x) * WX + local;
    if (SINGLE) {
        if (thread >= params.wide_lanes) { return; }
        let octet = widened(x[x_at(thread / 2u)]);
        y[y_at(thread)] = wide(select(octet.left, octet.right, (thread & 1u) == 1u));
        return;
    }
    let begin = thread / ROW * (ROW * PER_THREAD) + thread % ROW;
    let end = min(begin + ROW * PER_THREAD, params.lanes);
    for (var lane = begin; lane < end; lane += ROW) { convert(lane); }
}
