// Cross-correlation with learned filters over one or two spatial dimensions, in groups.
//
//   y[n, o, oh, ow] = bias[o] + sum over (i, kh, kw) of weight[o, i, kh, kw] x[n, g I + i, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// with g = o / (O / groups). A thread makes four columns of two output rows of TILE filters: every input value that it
// loads serves TILE filters, every weight eight outputs.
//
// Grid: x = four neighbours of an output row, y = pairs of output rows, z = batch x groups x tiles of filters.
// Numerics: f32 sums over (i, kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KH: u32; override KW: u32; // filter
override SH: u32; override SW: u32; // stride
override PH: u32; override PW: u32; // zeros before
override DH: u32; override DW: u32; // dilation
override CHANNELS: u32;             // input channels of a group
override GROUPS: u32;
override FILTERS: u32;              // of a group
override TILE: u32;                 // filters of a thread, at most 8
override TILES: u32;                // of a group
override COLUMNS: u32;              // of the output, of a thread: 4
override LEAD: u32;                 // elements of the stretch before the first window: it begins at a multiple of 4
override SEGMENTS: u32;             // four elements each
override LONG: u32;                 // 1: more than 8 segments, every tap is loaded by itself

struct Params {
    origin: vec3<u32>, // first workgroup
    batch: u32,
    input_h: u32,
    input_w: u32,
    output_h: u32,
    output_w: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;       // [batch, GROUPS CHANNELS, input_h, input_w]
@group(0) @binding(1) var<storage, read> weight: array<f32>;   // [GROUPS FILTERS, CHANNELS, KH, KW]
@group(0) @binding(2) var<storage, read> bias: array<f32>;     // [GROUPS FILTERS]
@group(0) @binding(3) var<storage, read_write> y: array<Out>;  // [batch, GROUPS FILTERS, output_h, output_w]
@group(0) @binding(4) var<uniform> params: Params;

// The stretches of the input rows that the windows of four columns of two output rows share.
var<private> stretch: array<array<vec4<f32>, 8>, 2>;

// An input row under an output row: where it begins, and whether it is one.
struct Row {
    start: u32,
    within: bool,
}

// A row in the padding is replaced by one of the input and its elements by 0: cheaper than a branch.
fn input_row(plane: u32, height: u32, kh: u32) -> Row {
    let h = i32(height * SH + kh * DH) - i32(PH);
    let clamped = u32(clamp(h, 0, i32(params.input_h) - 1));
    return Row((plane + clamped) * params.input_w, h >= 0 && h < i32(params.input_h));
}

fn load_stretch(r: u32, row: Row, column: u32) {
    for (var segment = 0u; segment < min(SEGMENTS, 8u); segment++) {
        let inside = in_row(segment_start(column, segment)) & vec4(row.within);
        stretch[r][segment] = select(vec4(0.0), load_segment(row.start, column, segment), inside);
    }
}

// One element of the stretch of an input row.
fn element(r: u32, row: Row, column: u32, e: u32) -> f32 {
    if (LONG == 0u) {
        return stretch[r][e >> 2u][e & 3u];
    }
    let at = segment_start(column, 0u) + i32(e);
    return select(0.0, load1(row.start, at), in_row(at).x && row.within);
}

// What tap kw of a row meets in four output columns.
fn tap4(r: u32, row: Row, column: u32, kw: u32) -> vec4<f32> {
    let e = LEAD + kw * DW;
    return vec4(
        element(r, row, column, e),
        element(r, row, column, e + SW),
        element(r, row, column, e + 2u * SW),
        element(r, row, column, e + 3u * SW),
    );
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * 4u;
    let height = id.y * 2u;
    let picture = id.z / (GROUPS * TILES);
    if (column >= params.output_w || height >= params.output_h || picture >= params.batch) { return; }
    let group = id.z / TILES % GROUPS;
    let first = id.z % TILES * TILE; // filter within the group
    let filters = min(TILE, FILTERS - first);
    let taps = CHANNELS * KH * KW;   // of a filter

    var upper: array<vec4<f32>, 8>; // sums of the first output row
    var lower: array<vec4<f32>, 8>; // and of the one below
    for (var i = 0u; i < CHANNELS; i++) {
        let plane = ((picture * GROUPS + group) * CHANNELS + i) * params.input_h;
        for (var kh = 0u; kh < KH; kh++) {
            let row0 = input_row(plane, height, kh);
            let row1 = input_row(plane, height + 1u, kh);
            if (LONG == 0u) {
                load_stretch(0u, row0, column);
                load_stretch(1u, row1, column);
            }
            for (var kw = 0u; kw < KW; kw++) {
                let v0 = tap4(0u, row0, column, kw);
                let v1 = tap4(1u, row1, column, kw);
                let tap = (i * KH + kh) * KW + kw;
                for (var t = 0u; t < TILE; t++) {
                    // Behind the last filter the last one is computed again, and not stored.
                    let filter_index = group * FILTERS + first + min(t, filters - 1u);
                    let w = weight[filter_index * taps + tap];
                    upper[t] += w * v0;
                    lower[t] += w * v1;
                }
            }
        }
    }
    for (var t = 0u; t < TILE; t++) {
        if (t < filters) {
            let filter_index = group * FILTERS + first + t;
            let row = ((picture * GROUPS * FILTERS + filter_index) * params.output_h + height) * params.output_w;
            store4(row, column, upper[t] + bias[filter_index]);
            if (height + 1u < params.output_h) {
                store4(row + params.output_w, column, lower[t] + bias[filter_index]);
            }
        }
    }
}
