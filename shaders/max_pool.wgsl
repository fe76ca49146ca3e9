// Largest element of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = max over (kd, kh, kw) of x[p, od SD - PD + kd DD, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread walks over COLUMNS windows of ROWS output rows: helpers/walk.wgsl.
//
// Grid: x = COLUMNS neighbours of an output row, y = ROWS output rows, z = planes (N C); depth is a loop, which folds
// away where there are no volumes.
// Numerics: exact. Elements are compared as integers: compilers that assume no NaN, or turn a comparison into max(),
// lose the NaN that must win, or the first of -0.0 and 0.0 that must stay. A window wholly in padding is -inf.
// Source: torch.nn.MaxPool2d; ATen/native/cpu/MaxPoolKernel.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KD: u32; override KH: u32; override KW: u32; // kernel
override SD: u32; override SH: u32; override SW: u32; // stride
override PD: u32; override PH: u32; override PW: u32; // padding before
override DD: u32; override DH: u32; override DW: u32; // dilation; DH is 1 if ROWS is not
override COLUMNS: u32;  // of the output, of a thread: 1, 4 or 8
override ROWS: u32;     // of the output, of a thread: at most 4
override VOLUME: bool;  // three spatial dimensions

struct Params {
    origin: vec3<u32>, // first workgroup
    planes: u32,       // N C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    last_lane: u32,    // of the input
    output_d: u32,
    output_h: u32,
    output_w: u32,
    divisor: f32,      // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;  // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(2) var<uniform> params: Params;

// The best elements of eight neighbouring windows: their bits, and their ranks.
struct Best {
    left: vec4<u32>,
    right: vec4<u32>,
    left_rank: vec4<i32>,
    right_rank: vec4<i32>,
}

// The rank of -inf: what is not below any element.
const LOWEST = -0x7fffffffi - 1i;

var<private> ranks: array<vec4<i32>, 8>; // of the stretch
var<private> row: Best;                  // of the row that was taken last
var<private> best: array<Best, 4>;       // of each output row

fn empty() -> Best {
    let bits = vec4(negative_infinity());
    return Best(bits, bits, vec4(LOWEST), vec4(LOWEST));
}

// Integers in the order of the floats: zeros of both signs are equal, every NaN is above infinity. A sign and a
// magnitude become a signed number, from which a shift turns the NaNs below -inf around to the top.
fn ranked(bits: vec4<u32>) -> vec4<i32> {
    let sign = bitcast<vec4<u32>>(bitcast<vec4<i32>>(bits) >> vec4(31u)); // all ones or none
    let signed = (bits ^ (sign & vec4(0x7fffffffu))) - sign;
    return bitcast<vec4<i32>>(signed - vec4(0x80000000u - (negative_infinity() & 0x7fffffffu)));
}

// The better of two, the first of equals.
fn better(a: Best, b: Best) -> Best {
    return Best(
        select(a.left, b.left, b.left_rank > a.left_rank),
        select(a.right, b.right, b.right_rank > a.right_rank),
        max(a.left_rank, b.left_rank),
        max(a.right_rank, b.right_rank),
    );
}

// What a tap meets in four windows, of which the first is `first`.
fn tap(tap: u32, first: u32) -> vec4<u32> {
    let e = vec4(LEAD + tap * DW) + (vec4(0u, 1u, 2u, 3u) + first) * SPREAD;
    let i = e & vec4(3u);
    let q = e >> vec4(2u);
    return vec4(stretch[q.x][i.x], stretch[q.y][i.y], stretch[q.z][i.z], stretch[q.w][i.w]);
}

fn tap_rank(tap: u32, first: u32) -> vec4<i32> {
    let e = vec4(LEAD + tap * DW) + (vec4(0u, 1u, 2u, 3u) + first) * SPREAD;
    let i = e & vec4(3u);
    let q = e >> vec4(2u);
    return vec4(ranks[q.x][i.x], ranks[q.y][i.y], ranks[q.z][i.z], ranks[q.w][i.w]);
}

fn admit(column: u32, kw: u32, within: bool) {
    for (var quad = 0u; quad < 8u; quad++) {
        if (quad < QUADS) {
            ranks[quad] = select(vec4(LOWEST), ranked(stretch[quad]), inside(column, quad, kw, within));
        }
    }
    row = empty();
    for (var t = 0u; t < TAPS; t++) {
        if (COLUMNS > 4u) {
            row = better(row, Best(tap(t, 0u), tap(t, 4u), tap_rank(t, 0u), tap_rank(t, 4u)));
        } else if (COLUMNS > 1u) {
            row = better(row, Best(tap(t, 0u), row.right, tap_rank(t, 0u), row.right_rank));
        } else {
            let e = LEAD + t * DW;
            let only = vec4(stretch[e >> 2u][e & 3u]);
            row = better(row, Best(only, row.right, vec4(ranks[e >> 2u][e & 3u]), row.right_rank));
        }
    }
}

fn join(r: u32, kh: u32, kw: u32) {
    best[r] = better(best[r], row);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * COLUMNS;
    let height = id.y * ROWS;
    if (column >= params.output_w || height >= params.output_h || id.z >= params.planes) { return; }
    for (var depth = 0u; depth < select(1u, params.output_d, VOLUME); depth++) {
        for (var r = 0u; r < 4u; r++) { best[r] = empty(); }
        pool(id.z, depth, height, column);
        for (var r = 0u; r < 4u; r++) {
            if (r < ROWS && height + r < params.output_h) {
                let at = ((id.z * params.output_d + depth) * params.output_h + height + r) * params.output_w + column;
                store8(at, min(COLUMNS, params.output_w - column), Octet(best[r].left, best[r].right));
            }
        }
    }
}
