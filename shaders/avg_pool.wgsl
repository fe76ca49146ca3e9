// Mean of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = sum over the window of x / divisor
//
// The divisor is the window clipped to the padded input (INCLUDE_PAD), to the input, or fixed (DIVISOR_FIXED).
//
// A thread walks over COLUMNS windows of ROWS output rows: helpers/walk.wgsl.
//
// Grid: x = COLUMNS neighbours of an output row, y = ROWS output rows, z = slices of planes (N C D).
// Numerics: f32 sums of each row of a window, then of the rows, then one division. A window without an element of the input is 0.
// Source: torch.nn.AvgPool2d; ATen/native/cpu/AvgPoolKernel.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KD: u32; override KH: u32; override KW: u32; // kernel
override SD: u32; override SH: u32; override SW: u32; // stride
override PD: u32; override PH: u32; override PW: u32; // padding before
override DD: u32; override DH: u32; override DW: u32; // dilation, always 1
override COLUMNS: u32;  // of the output, of a thread: 1, 4 or 8
override ROWS: u32;     // of the output, of a thread: 1 unless ROLL
override ROLL: bool;    // windows are small, and there is no depth
override DIVISOR_FIXED: bool;
override INCLUDE_PAD: bool;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    planes: u32,       // N C
    channels: u32,     // C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    last_lane: u32,    // of the input
    output_d: u32,
    output_h: u32,
    output_w: u32,
    divisor: f32,      // if DIVISOR_FIXED
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;  // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [channels], helpers/way_in.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(5) var<uniform> params: Params;

// Sums of eight neighbouring windows.
struct Sums {
    left: vec4<f32>,
    right: vec4<f32>,
}

var<private> row: Sums;                   // of the row that was taken last
var<private> sums: array<Sums, 5>;        // of each open output row

fn admit(column: u32, kw: u32, within: bool) {
    take_values(column, kw, within);
    row = Sums();
    for (var t = 0u; t < TAPS; t++) {
        if (COLUMNS > 1u) {
            row.left += tap(t, 0u);
        } else {
            let e = LEAD + t * DW;
            row.left += vec4(values[e >> 2u][e & 3u]);
        }
        if (COLUMNS > 4u) { row.right += tap(t, 4u); }
    }
}

fn join(r: u32, kh: u32, kw: u32) {
    sums[r].left += row.left;
    sums[r].right += row.right;
}

// Divides the sums at an output position and its three neighbours; 0 for a window without an element.
fn mean(sum: vec4<f32>, depth: u32, height: u32, column: u32) -> vec4<f32> {
    let area = clipped(depth, SD, KD, PD, params.input_d) * clipped(height, SH, KH, PH, params.input_h);
    var result = vec4(0.0);
    for (var i = 0u; i < 4u; i++) {
        let count = area * clipped(column + i, SW, KW, PW, params.input_w);
        let divisor = select(f32(select(count.y, count.x, INCLUDE_PAD)), params.divisor, DIVISOR_FIXED);
        result[i] = select(sum[i] / divisor, 0.0, count.y == 0);
    }
    return result;
}

fn finish(place: Place) {
    let left = mean(sums[0].left, place.depth, place.height, place.column);
    var right = left;
    if (COLUMNS > 4u) { right = mean(sums[0].right, place.depth, place.height, place.column + 4u); }
    let first = ((place.plane * params.output_d + place.depth) * params.output_h + place.height) * params.output_w;
    let count = min(COLUMNS, params.output_w - place.column);
    store_numbers(first + place.column, count, place.plane % params.channels, left, right);
}

fn next() {
    sums = array(sums[1], sums[2], sums[3], sums[4], Sums());
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * COLUMNS;
    if (column >= params.output_w || id.y * ROWS >= params.output_h || id.z >= params.planes * params.output_d) { return; }
    sums = array<Sums, 5>();
    enter_channel(id.z / params.output_d % params.channels);
    pool(id.z, id.y, column);
}
