// Largest element of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = max over (kd, kh, kw) of x[p, od SD - PD + kd DD, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread loads the stretch of each input row that its windows share, four elements at a time, and offers every
// element to the windows that it belongs to: which they are is known when the loops are unrolled.
//
// Grid: x = four neighbours of an output row, y = output rows, z = planes (N C); depth is a loop, which folds away
// where there are no volumes.
// Numerics: exact. Elements are compared as integers: compilers that assume no NaN, or turn a comparison into max(),
// lose the NaN that must win, or the first of -0.0 and 0.0 that must stay. A window wholly in padding is -inf.
// Source: torch.nn.MaxPool2d; ATen/native/cpu/MaxPoolKernel.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KD: u32; override KH: u32; override KW: u32; // kernel
override SD: u32; override SH: u32; override SW: u32; // stride
override PD: u32; override PH: u32; override PW: u32; // padding before
override DD: u32; override DH: u32; override DW: u32; // dilation
override LEAD: u32;     // elements of the stretch before the first window: it begins at a multiple of 4
override SEGMENTS: u32; // four elements each
override ROWS: u32;     // output rows of a thread, 1 or 2
override VOLUME: bool;  // three spatial dimensions

struct Params {
    origin: vec3<u32>, // first workgroup
    planes: u32,       // N C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    output_d: u32,
    output_h: u32,
    output_w: u32,
    divisor: f32, // not used
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;       // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(2) var<uniform> params: Params;

// Of (a part of) four windows: the bits of the best element, and its rank.
struct Best {
    bits: vec4<i32>,
    rank: vec4<i32>,
}

// The bits of -inf, and its rank: what is not below any element.
const NOTHING = Best(vec4(-0x800000i), vec4(-0x7fffffffi - 1i));

// Integers in the order of the floats: zeros of both signs are equal, every NaN is above infinity. A sign and a
// magnitude become a signed number, from which a shift turns the NaNs below -inf around to the top.
fn ranks(bits: vec4<i32>) -> vec4<i32> {
    let sign = bitcast<vec4<u32>>(bits >> vec4(31u)); // all ones or none
    let signed = (bitcast<vec4<u32>>(bits) ^ (sign & vec4(0x7fffffffu))) - sign;
    return bitcast<vec4<i32>>(signed - vec4(0x800000u));
}

// Two parts of windows, `later` behind `best`, for the windows that it belongs to.
fn merge(best: Best, later: Best, belongs: vec4<bool>) -> Best {
    let wins = belongs & (later.rank > best.rank);
    return Best(select(best.bits, later.bits, wins), select(best.rank, max(best.rank, later.rank), belongs));
}

// The windows of four output columns within one input row, or without an element if the row is not in the input.
fn row_best(row: u32, column: u32, within: bool) -> Best {
    var best = NOTHING;
    for (var segment = 0u; segment < SEGMENTS; segment++) {
        let first = segment_start(column, segment);
        let bits = bitcast<vec4<i32>>(load_segment(row, column, segment));
        let rank = select(NOTHING.rank, ranks(bits), in_row(first) & vec4(within));
        for (var i = 0u; i < 4u; i++) {
            // Distance of the element from the first tap of each of the four windows.
            let tap = vec4<i32>(i32(segment * 4u + i) - i32(LEAD)) - vec4(0, 1, 2, 3) * i32(SW);
            let belongs = (tap >= vec4(0)) & (tap < vec4(i32(KW * DW))) & (tap % vec4(i32(DW)) == vec4(0));
            best = merge(best, Best(vec4(bits[i]), vec4(rank[i])), belongs);
        }
    }
    return best;
}

// The windows of two output rows (of one, if ROWS is 1): an input row is read once and offered to both.
fn windows(plane: u32, depth: u32, height: u32, column: u32) -> array<vec4<f32>, 2> {
    var first = NOTHING;
    var second = NOTHING;
    for (var kd = 0u; kd < KD; kd++) {
        let d = i32(depth * SD + kd * DD) - i32(PD);
        for (var i = 0u; i < (ROWS - 1u) * SH + (KH - 1u) * DH + 1u; i++) {
            let h = i32(height * SH + i) - i32(PH);
            // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
            let within = d >= 0 && d < i32(params.input_d) && h >= 0 && h < i32(params.input_h);
            let slice = plane * params.input_d + u32(clamp(d, 0, i32(params.input_d) - 1));
            let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
            let best = row_best(row, column, within);
            first = merge(first, best, vec4(i < KH * DH && i % DH == 0u));
            second = merge(second, best, vec4(i >= SH && (i - SH) % DH == 0u));
        }
    }
    return array(bitcast<vec4<f32>>(first.bits), bitcast<vec4<f32>>(second.bits));
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * 4u;
    let height = id.y * ROWS;
    if (column >= params.output_w || height >= params.output_h || id.z >= params.planes) { return; }
    for (var depth = 0u; depth < select(1u, params.output_d, VOLUME); depth++) {
        let best = windows(id.z, depth, height, column);
        let row = ((id.z * params.output_d + depth) * params.output_h + height) * params.output_w;
        store4(row, column, best[0]);
        if (ROWS > 1u && height + 1u < params.output_h) {
            store4(row + params.output_w, column, best[1]);
        }
    }
}
