// Cross-correlation of every channel with one small filter of its own: depthwise convolution.
//
//   y[n, c, oh, ow] = bias[c] + sum over (kh, kw) of weight[c, kh, kw] x[n, c, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread makes eight columns of two output rows: it loads the filter and every input value that they share once.
//
// Grid: x = eight neighbours of an output row, y = pairs of output rows, z = planes (N C).
// Numerics: f32 sums over (kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d with as many groups as channels.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KH: u32; override KW: u32; // filter, at most 3 x 3
override SH: u32; override SW: u32; // stride
override PH: u32; override PW: u32; // zeros before
override DH: u32; override DW: u32; // dilation
override GROUPS: u32;               // C
override COLUMNS: u32;              // of the output, of a thread: 8
override ROWS: u32;                 // of the output, of a thread: at most 4
override LEAD: u32;                 // elements of the stretch before the first window: it begins at a multiple of 4
override SEGMENTS: u32;             // four elements each, at most 5

struct Params {
    origin: vec3<u32>, // first workgroup
    batch: u32,
    input_h: u32,
    input_w: u32,
    output_h: u32,
    output_w: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;       // [batch, GROUPS, input_h, input_w]
@group(0) @binding(1) var<storage, read> weight: array<f32>;   // [GROUPS, 1, KH, KW]
@group(0) @binding(2) var<storage, read> bias: array<f32>;     // [GROUPS]
@group(0) @binding(3) var<storage, read_write> y: array<Out>;  // [batch, GROUPS, output_h, output_w]
@group(0) @binding(4) var<uniform> params: Params;

// Input rows from the first to the last of the windows of a thread, at most 6.
override INPUT_ROWS: u32 = (ROWS - 1u) * SH + (KH - 1u) * DH + 1u;

var<private> taps: array<f32, 9>;
var<private> stretch: array<vec4<f32>, 5>;

// Sums of one output row.
struct Sums {
    left: vec4<f32>,
    right: vec4<f32>,
}

// What tap kw meets in four output columns.
fn tap4(first: u32, kw: u32) -> vec4<f32> {
    let e = vec4(LEAD + first * SW + kw * DW) + vec4(0u, 1u, 2u, 3u) * SW;
    let segment = e >> vec4(2u);
    let i = e & vec4(3u);
    return vec4(stretch[segment.x][i.x], stretch[segment.y][i.y], stretch[segment.z][i.z], stretch[segment.w][i.w]);
}

// Adds the stretch, which row kh of the filter meets.
fn add_row(sums: Sums, kh: u32) -> Sums {
    var left = sums.left;
    var right = sums.right;
    for (var kw = 0u; kw < KW; kw++) {
        left += taps[kh * KW + kw] * tap4(0u, kw);
        right += taps[kh * KW + kw] * tap4(4u, kw);
    }
    return Sums(left, right);
}

// Adds row i of the input to the output rows that it belongs to.
fn add_input_row(sums: array<Sums, 4>, plane: u32, height: u32, column: u32, i: u32) -> array<Sums, 4> {
    let h = i32(height * SH + i) - i32(PH);
    // A row in the padding is replaced by one of the input and its elements by 0: cheaper than a branch.
    let within = h >= 0 && h < i32(params.input_h);
    let row = (plane * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
    for (var segment = 0u; segment < 5u; segment++) {
        if (segment < SEGMENTS) {
            let inside = in_row(segment_start(column, segment)) & vec4(within);
            stretch[segment] = select(vec4(0.0), load_segment(row, column, segment), inside);
        }
    }
    var next = sums;
    for (var r = 0u; r < 4u; r++) {
        let tap = i32(i) - i32(r * SH);
        if (r < ROWS && tap >= 0 && tap < i32(KH * DH) && tap % i32(DH) == 0) {
            next[r] = add_row(next[r], u32(tap) / DH);
        }
    }
    return next;
}

fn store(row: u32, column: u32, sums: Sums, offset: f32) {
    store4(row, column, sums.left + offset);
    if (column + 4u < params.output_w) {
        store4(row, column + 4u, sums.right + offset);
    }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * COLUMNS;
    let height = id.y * ROWS;
    if (column >= params.output_w || height >= params.output_h || id.z >= params.batch * GROUPS) { return; }
    let channel = id.z % GROUPS;
    let offset = bias[channel];
    for (var tap = 0u; tap < 9u; tap++) {
        if (tap < KH * KW) { taps[tap] = weight[channel * KH * KW + tap]; }
    }
    // Written out: not every compiler unrolls a loop of this length.
    var sums = add_input_row(array<Sums, 4>(), id.z, height, column, 0u);
    if (INPUT_ROWS > 1u) { sums = add_input_row(sums, id.z, height, column, 1u); }
    if (INPUT_ROWS > 2u) { sums = add_input_row(sums, id.z, height, column, 2u); }
    if (INPUT_ROWS > 3u) { sums = add_input_row(sums, id.z, height, column, 3u); }
    if (INPUT_ROWS > 4u) { sums = add_input_row(sums, id.z, height, column, 4u); }
    if (INPUT_ROWS > 5u) { sums = add_input_row(sums, id.z, height, column, 5u); }
    for (var r = 0u; r < 4u; r++) {
        if (r < ROWS && height + r < params.output_h) {
            let row = (id.z * params.output_h + height + r) * params.output_w;
            store(row, column, sums[r], offset);
        }
    }
}
