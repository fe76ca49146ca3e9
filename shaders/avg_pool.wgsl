// Mean of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = sum over the window of x / divisor
//
// The divisor is the window clipped to the padded input (INCLUDE_PAD), to the input, or fixed (DIVISOR_FIXED).
//
// A thread loads the stretch of each input row that its windows share, four elements at a time, and adds every element
// to the windows that it belongs to: which they are is known when the loops are unrolled.
//
// Grid: x = four neighbours of an output row, y = output rows, z = planes (N C); depth is a loop, which folds away
// where there are no volumes.
// Numerics: f32 sums in window order, then one division. A window without an element of the input is 0.
// Source: torch.nn.AvgPool2d; ATen/native/cpu/AvgPoolKernel.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KD: u32; override KH: u32; override KW: u32; // kernel
override SD: u32; override SH: u32; override SW: u32; // stride
override PD: u32; override PH: u32; override PW: u32; // padding before
override DD: u32; override DH: u32; override DW: u32; // dilation, always 1
override LEAD: u32;     // elements of the stretch before the first window: it begins at a multiple of 4
override SEGMENTS: u32; // four elements each
override ROWS: u32;     // output rows of a thread, 1 or 2
override VOLUME: bool;  // three spatial dimensions
override DIVISOR_FIXED: u32;
override INCLUDE_PAD: u32;

struct Params {
    origin: vec3<u32>, // first workgroup
    planes: u32,       // N C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    output_d: u32,
    output_h: u32,
    output_w: u32,
    divisor: f32, // if DIVISOR_FIXED
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;       // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(2) var<uniform> params: Params;

// The windows of four output columns meet one input row.
fn row_sum(row: u32, column: u32, within: bool) -> vec4<f32> {
    var sum = vec4(0.0);
    for (var segment = 0u; segment < SEGMENTS; segment++) {
        let first = segment_start(column, segment);
        let v = select(vec4(0.0), load_segment(row, column, segment), in_row(first) & vec4(within));
        for (var i = 0u; i < 4u; i++) {
            // Distance of the element from the first of each of the four windows.
            let tap = vec4<i32>(i32(segment * 4u + i) - i32(LEAD)) - vec4(0, 1, 2, 3) * i32(SW);
            let belongs = (tap >= vec4(0)) & (tap < vec4(i32(KW)));
            sum += select(vec4(0.0), vec4(v[i]), belongs);
        }
    }
    return sum;
}

// The windows of two output rows (of one, if ROWS is 1): an input row is read once and added to both.
fn window_sums(plane: u32, depth: u32, height: u32, column: u32) -> array<vec4<f32>, 2> {
    var first = vec4(0.0);
    var second = vec4(0.0);
    for (var kd = 0u; kd < KD; kd++) {
        let d = i32(depth * SD + kd * DD) - i32(PD);
        for (var i = 0u; i < (ROWS - 1u) * SH + KH; i++) {
            let h = i32(height * SH + i) - i32(PH);
            // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
            let within = d >= 0 && d < i32(params.input_d) && h >= 0 && h < i32(params.input_h);
            let slice = plane * params.input_d + u32(clamp(d, 0, i32(params.input_d) - 1));
            let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
            let sum = row_sum(row, column, within);
            first += select(vec4(0.0), sum, i < KH);
            second += select(vec4(0.0), sum, i >= SH);
        }
    }
    return array(first, second);
}

// Elements of one axis of a window: x = within the padded input, y = within the input.
fn clipped(position: u32, stride: u32, kernel: u32, padding: u32, extent: u32) -> vec2<i32> {
    let start = i32(position * stride) - i32(padding);
    let end = min(start + i32(kernel), i32(extent + padding));
    return vec2(end - start, max(min(end, i32(extent)) - max(start, 0), 0));
}

// Divides the sums at an output position and its three neighbours; 0 for a window without an element.
fn mean(sum: vec4<f32>, depth: u32, height: u32, column: u32) -> vec4<f32> {
    let area = clipped(depth, SD, KD, PD, params.input_d) * clipped(height, SH, KH, PH, params.input_h);
    var result = vec4(0.0);
    for (var i = 0u; i < 4u; i++) {
        let count = area * clipped(column + i, SW, KW, PW, params.input_w);
        let divisor = select(f32(select(count.y, count.x, INCLUDE_PAD == 1u)), params.divisor, DIVISOR_FIXED == 1u);
        result[i] = select(sum[i] / divisor, 0.0, count.y == 0);
    }
    return result;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * 4u;
    let height = id.y * ROWS;
    if (column >= params.output_w || height >= params.output_h || id.z >= params.planes) { return; }
    for (var depth = 0u; depth < select(1u, params.output_d, VOLUME); depth++) {
        let sums = window_sums(id.z, depth, height, column);
        let row = ((id.z * params.output_d + depth) * params.output_h + height) * params.output_w;
        store4(row, column, mean(sums[0], depth, height, column));
        if (ROWS > 1u && height + 1u < params.output_h) {
            store4(row + params.output_w, column, mean(sums[1], depth, height + 1u, column));
        }
    }
}
