// Cross-correlation of every channel with one small filter of its own, of small planes: depthwise convolution.
//
//   y[n, c, oh, ow] = bias[c] + sum over (kh, kw) of weight[c, kh, kw] x[n, c, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread holds PLANES planes and their filters: helpers/held.wgsl.
//
// Grid: x = PLANES planes (N C).
// Numerics: f32 sums over (kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d with as many groups as channels.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override NUMBERS: bool = true; // what is held, and outputs
override WHOLE: bool;          // the filters of a thread's planes are neighbours, and begin and end at lanes

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,     // C
    last_lane: u32,    // of the input
    lanes: u32,        // of the output
    divisor: f32,      // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [batch, channels, HEIGHT, WIDTH]
@group(0) @binding(1) var<storage, read> weight: array<vec4<u32>>;  // [channels, 1, KH, KW], in lanes
@group(0) @binding(2) var<storage, read> bias: array<vec4<u32>>;    // [channels], in lanes
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [channels], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<vec4<u32>>; // [batch, channels, OUT_HEIGHT, OUT_WIDTH]
@group(0) @binding(7) var<uniform> params: Params;

var<private> filters: array<f32, 72>; // [PLANES, KH, KW]
var<private> offsets: array<f32, 8>;  // biases
var<private> sum: f32;

fn load_filter(p: u32, plane: u32) {
    if (p >= PLANES) { return; }
    let channel = plane % params.channels;
    let of_bias = channel / (PER_LANE / 4u);
    offsets[p] = number(vec4(element_in(bias[of_bias >> 2u][of_bias & 3u], channel))).x;
    for (var tap = 0u; tap < 9u; tap++) {
        if (tap >= KH * KW) { continue; }
        let at = channel * KH * KW + tap;
        let word = at / (PER_LANE / 4u);
        filters[p * KH * KW + tap] = number(vec4(element_in(weight[word >> 2u][word & 3u], at))).x;
    }
}

fn keep_quad(e: u32, bits: vec4<u32>) {
    let w = number(bits);
    filters[e] = w.x;
    filters[e + 1u] = w.y;
    filters[e + 2u] = w.z;
    filters[e + 3u] = w.w;
}

fn keep_offsets(p: u32, bits: vec4<u32>) {
    let b = number(bits);
    offsets[p] = b.x;
    offsets[p + 1u] = b.y;
    offsets[p + 2u] = b.z;
    offsets[p + 3u] = b.w;
}

// The i-th lane of the filters and of the biases of a thread.
fn load_lanes(channel: u32, i: u32) {
    if (i < PLANES * KH * KW / PER_LANE) {
        let lane = weight[channel * KH * KW / PER_LANE + i];
        if (HALF) {
            let octet = widened(lane);
            keep_quad(8u * i, octet.left);
            keep_quad(8u * i + 4u, octet.right);
        } else {
            keep_quad(4u * i, lane);
        }
    }
    if (i < PLANES / PER_LANE) {
        let lane = bias[channel / PER_LANE + i];
        if (HALF) {
            let octet = widened(lane);
            keep_offsets(0u, octet.left);
            keep_offsets(4u, octet.right);
        } else {
            keep_offsets(0u, lane);
        }
    }
}

fn load_six(channel: u32, i: u32) {
    load_lanes(channel, i);
    load_lanes(channel, i + 1u);
    load_lanes(channel, i + 2u);
    load_lanes(channel, i + 3u);
    load_lanes(channel, i + 4u);
    load_lanes(channel, i + 5u);
}

fn load_filters(plane: u32) {
    if (WHOLE) {
        load_six(plane % params.channels, 0u);
        load_six(plane % params.channels, 6u);
        return;
    }
    load_filter(0u, plane + 0u);
    load_filter(1u, plane + 1u);
    load_filter(2u, plane + 2u);
    load_filter(3u, plane + 3u);
    load_filter(4u, plane + 4u);
    load_filter(5u, plane + 5u);
    load_filter(6u, plane + 6u);
    load_filter(7u, plane + 7u);
}

fn taken(e: u32, bits: vec4<u32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(entered(e, bits));
}

fn begin_row() {}

fn meet(p: u32, kh: u32, kw: u32, element: u32) {
    sum = fma(filters[(p * KH + kh) * KW + kw], bitcast<f32>(element), sum);
}

fn meet_padding(p: u32, kh: u32, kw: u32) {
    sum = fma(filters[(p * KH + kh) * KW + kw], 0.0, sum);
}

fn end_row() {}

fn output(p: u32, h: u32, w: u32) -> u32 {
    sum = 0.0;
    walk(p, h, w);
    return bitcast<u32>(sum + offsets[p]);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    if (id.x * MADE >= params.lanes || id.y > 0u || id.z > 0u) { return; }
    enter(id.x * PLANES);
    load_filters(id.x * PLANES);
    hold(id.x * PLANES);
    release(id.x * PLANES);
}
