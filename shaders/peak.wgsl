// Fused multiply-adds alone: how many sums of products a device can make, by which `bench` judges convolutions.
//
//   s = s * a + s, TURNS x 4 times, for four sums of four numbers a thread: of two registers, for some GPUs cannot read three at once
//
// Grid: x = threads.
// Numerics: f32; a keeps the sums finite.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override TURNS: u32;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    threads: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;       // a
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>; // [threads]
@group(0) @binding(2) var<uniform> params: Params;

struct Sums {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

fn turn(s: Sums, f: vec4<f32>) -> Sums {
    return Sums(fma(s.a, f, s.a), fma(s.b, f, s.b), fma(s.c, f, s.c), fma(s.d, f, s.d));
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let thread = (workgroup.x + params.origin.x) * WX + local;
    let f = x[0];
    let start = vec4(f32(local));
    var sums = Sums(start, start + 1.0, start + 2.0, start + 3.0);
    for (var i = 0u; i < TURNS; i++) {
        sums = turn(turn(turn(turn(sums, f), f), f), f);
    }
    if (thread < params.threads) { y[thread] = sums.a + sums.b + sums.c + sums.d; }
}
