// Mean of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = sum over the window of x / divisor
//
// The divisor is the window clipped to the padded input (INCLUDE_PAD), to the input, or fixed (DIVISOR_FIXED).
//
// A thread walks over COLUMNS windows: helpers/pool.wgsl.
//
// Grid: x = COLUMNS neighbours of an output row, y = output rows, z = planes (N C); depth is a loop, which folds away
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
override COLUMNS: u32;  // of the output, of a thread: 4 or 8
override LEAD: u32;     // elements of the stretch before the first window: it begins at a multiple of 4
override SEGMENTS: u32; // four elements each
override VOLUME: bool;  // three spatial dimensions
override DIVISOR_FIXED: bool;
override INCLUDE_PAD: bool;

struct Params {
    origin: vec3<u32>, // first workgroup
    planes: u32,       // N C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    output_d: u32,
    output_h: u32,
    output_w: u32,
    divisor: f32,      // if DIVISOR_FIXED
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;       // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(2) var<uniform> params: Params;

alias Elements = vec4<f32>;

// The sum of each.
alias Windows = vec4<f32>;

const EMPTY = Windows();

fn admit(values: vec4<f32>, inside: vec4<bool>) -> Elements {
    return select(Elements(), values, inside);
}

fn take(sum: Windows, elements: Elements, i: u32, belongs: vec4<bool>) -> Windows {
    return select(sum, sum + elements[i], belongs);
}

// Elements of one axis of a window: x = within the padded input, y = within the input.
fn clipped(position: u32, stride: u32, kernel: u32, padding: u32, extent: u32) -> vec2<i32> {
    let start = i32(position * stride) - i32(padding);
    let end = min(start + i32(kernel), i32(extent + padding));
    return vec2(end - start, max(min(end, i32(extent)) - max(start, 0), 0));
}

// Divides the sums at an output position and its three neighbours; 0 for a window without an element.
fn mean(sum: Windows, depth: u32, height: u32, column: u32) -> vec4<f32> {
    let area = clipped(depth, SD, KD, PD, params.input_d) * clipped(height, SH, KH, PH, params.input_h);
    var result = vec4(0.0);
    for (var i = 0u; i < 4u; i++) {
        let count = area * clipped(column + i, SW, KW, PW, params.input_w);
        let divisor = select(f32(select(count.y, count.x, INCLUDE_PAD)), params.divisor, DIVISOR_FIXED);
        result[i] = select(sum[i] / divisor, 0.0, count.y == 0);
    }
    return result;
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * COLUMNS;
    let height = id.y;
    if (column >= params.output_w || height >= params.output_h || id.z >= params.planes) { return; }
    for (var depth = 0u; depth < select(1u, params.output_d, VOLUME); depth++) {
        let pooled = pool(id.z, depth, height, column);
        let row = ((id.z * params.output_d + depth) * params.output_h + height) * params.output_w;
        store4(row, column, mean(pooled.left, depth, height, column));
        if (COLUMNS > 4u && column + 4u < params.output_w) {
            store4(row, column + 4u, mean(pooled.right, depth, height, column + 4u));
        }
    }
}
