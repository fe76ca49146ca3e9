// Cross-correlation with learned filters over one or two spatial dimensions, in groups.
//
//   y[n, o, oh, ow] = bias[o] + sum over (i, kh, kw) of weight[o, i, kh, kw] x[n, g I + i, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// with g = o / (O / groups). A thread makes four columns of an output row of TILE filters: every input value that it
// loads serves TILE filters (helpers/walk.wgsl).
//
// Grid: x = four neighbours of an output row, y = output rows, z = batch x groups x tiles of filters.
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

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    batch: u32,
    input_h: u32,
    input_w: u32,
    last_lane: u32,    // of the input
    output_h: u32,
    output_w: u32,
    packed_base: u32,  // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;  // [batch, GROUPS CHANNELS, input_h, input_w]
@group(0) @binding(1) var<storage, read> weight: array<u32>;   // [GROUPS FILTERS, CHANNELS, KH, KW]
@group(0) @binding(2) var<storage, read> bias: array<u32>;     // [GROUPS FILTERS]
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [GROUPS CHANNELS], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [GROUPS FILTERS], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<Out>;  // [batch, GROUPS FILTERS, output_h, output_w]
@group(0) @binding(7) var<uniform> params: Params;

var<private> sums: array<vec4<f32>, 8>;   // of each filter
var<private> filter_channel: u32;         // where the weights of the first filter begin for the present channel
var<private> filter_count: u32;

fn admit(column: u32, kw: u32, within: bool) {
    take_values(column, kw, within);
}

// Adds a tap to the sums of a filter. Behind the last filter the last one is computed again, and not stored.
fn add_filter(f: u32, at: u32, v: vec4<f32>) {
    if (f < TILE) { sums[f] += weight_at(at + min(f, filter_count - 1u) * CHANNELS * KH * KW) * v; }
}

fn join(r: u32, kh: u32, kw: u32) {
    for (var t = 0u; t < TAPS; t++) {
        let v = tap(t, 0u);
        let at = filter_channel + kh * KW + kw + t;
        add_filter(0u, at, v);
        add_filter(1u, at, v);
        add_filter(2u, at, v);
        add_filter(3u, at, v);
        add_filter(4u, at, v);
        add_filter(5u, at, v);
        add_filter(6u, at, v);
        add_filter(7u, at, v);
    }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * 4u;
    let picture = id.z / (GROUPS * TILES);
    if (column >= params.output_w || id.y >= params.output_h || picture >= params.batch) { return; }
    let group = id.z / TILES % GROUPS;
    let first = group * FILTERS + id.z % TILES * TILE;
    filter_count = min(TILE, FILTERS - id.z % TILES * TILE);
    sums = array<vec4<f32>, 8>();
    for (var i = 0u; i < CHANNELS; i++) {
        filter_channel = (first * CHANNELS + i) * KH * KW;
        enter_channel(group * CHANNELS + i);
        walk((picture * GROUPS + group) * CHANNELS + i, true, Place(0u, 0u, id.y, column));
    }
    for (var f = 0u; f < TILE; f++) {
        if (f < filter_count) {
            let row = ((picture * GROUPS * FILTERS + first + f) * params.output_h + id.y) * params.output_w;
            let sum = sums[f] + bias_at(first + f);
            store_numbers(row + column, min(4u, params.output_w - column), first + f, sum, sum);
        }
    }
}
