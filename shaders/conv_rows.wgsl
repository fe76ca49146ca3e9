// Cross-correlation with small filters over one or two spatial dimensions, in groups.
//
//   y[n, o, oh, ow] = bias[o] + sum over (i, kh, kw) of weight[o, i, kh, kw] x[n, g I + i, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// with g = o / (O / groups). As conv_tile.wgsl, with several output rows a thread, which share input rows and all weights:
// more sums than a GPU has registers for, on a CPU fewer loads, which are what costs there.
//
// Grid: x = eight neighbours of an output row, y = ROWS output rows, z = batch x groups x tiles of filters, or tiles outermost (OUTER).
// Numerics: f32 sums over (i, kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KH: u32; override KW: u32; // filter; both at most 3
override SH: u32; override SW: u32; // stride
override PH: u32; override PW: u32; // zeros before
override DH: u32; override DW: u32; // dilation
override CHANNELS: u32;             // input channels of a group
override GROUPS: u32;
override FILTERS: u32;              // of a group
override TILE: u32;                 // filters of a thread, 4 or 8
override TILES: u32;                // of a group
override COLUMNS: u32;              // of the output, of a thread: 1, 4 or 8
override ROWS: u32;                 // of the output, of a thread: 2 or 4

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
    packed_base: u32,  // 16-byte lanes of the packed weights that are before what is bound
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;      // [batch, GROUPS CHANNELS, input_h, input_w]
// Binding 1, the packed weights: helpers/weights_loaded.wgsl, or weights_uniform.wgsl.
@group(0) @binding(2) var<storage, read> bias: array<u32>;         // [GROUPS FILTERS]
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [GROUPS CHANNELS], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [GROUPS FILTERS], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<Out>;      // [batch, GROUPS FILTERS, output_h, output_w]
@group(0) @binding(7) var<uniform> params: Params;

override HELD: u32 = KH * KW; // taps of the filters whose weights are loaded together

var<private> sums: array<Sums, 32>; // [ROWS, TILE]
var<private> first: u32;             // of the weights of the present input channel

fn admit(column: u32, kw: u32, within: bool) {
    take_values(column, kw, within);
}

// Adds the stretch, as row kh of the filters, to the sums of filter f in output row r.
fn add_filter(r: u32, f: u32, kh: u32) {
    if (f >= TILE) { return; }
    var sum = sums[r * TILE + f];
    sum = add_tap(sum, 0u, weight_of(first, kh * KW + 0u, f));
    sum = add_tap(sum, 1u, weight_of(first, kh * KW + 1u, f));
    sum = add_tap(sum, 2u, weight_of(first, kh * KW + 2u, f));
    sums[r * TILE + f] = sum;
}

// Adds the stretch, which is the i-th input row, to the sums of output row r, if it is of its windows.
fn add_row(r: u32, i: u32) {
    if (r >= ROWS || i < r * SH || i - r * SH >= KH) { return; }
    add_filter(r, 0u, i - r * SH);
    add_filter(r, 1u, i - r * SH);
    add_filter(r, 2u, i - r * SH);
    add_filter(r, 3u, i - r * SH);
    add_filter(r, 4u, i - r * SH);
    add_filter(r, 5u, i - r * SH);
    add_filter(r, 6u, i - r * SH);
    add_filter(r, 7u, i - r * SH);
}

fn share_row(slice: u32, place: Place, i: u32) {
    if (i >= (ROWS - 1u) * SH + KH) { return; }
    load_row(slice, true, place, i);
    add_row(0u, i);
    add_row(1u, i);
    add_row(2u, i);
    add_row(3u, i);
}

// Adds an input channel.
fn add_channel(slice: u32, place: Place) {
    load_weights(first);
    share_row(slice, place, 0u);
    share_row(slice, place, 1u);
    share_row(slice, place, 2u);
    share_row(slice, place, 3u);
    share_row(slice, place, 4u);
    share_row(slice, place, 5u);
}

fn store_row(r: u32, within: u32, place: Place) {
    if (r >= ROWS) { return; }
    let row = Place(place.plane, place.depth, place.height + r, place.column);
    store_sums(sums[r * TILE + 0u], 0u, within + 0u, row);
    store_sums(sums[r * TILE + 1u], 1u, within + 1u, row);
    store_sums(sums[r * TILE + 2u], 2u, within + 2u, row);
    store_sums(sums[r * TILE + 3u], 3u, within + 3u, row);
    store_sums(sums[r * TILE + 4u], 4u, within + 4u, row);
    store_sums(sums[r * TILE + 5u], 5u, within + 5u, row);
    store_sums(sums[r * TILE + 6u], 6u, within + 6u, row);
    store_sums(sums[r * TILE + 7u], 7u, within + 7u, row);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let tile = tile_of(id.z);
    let place = Place(picture_of(id.z), tile / TILES, id.y * ROWS, id.x * COLUMNS);
    if (place.column >= params.output_w || place.height >= params.output_h || place.plane >= params.batch) { return; }
    sums = array<Sums, 32>();
    for (var i = 0u; i < CHANNELS; i++) {
        let slice = (place.plane * GROUPS + place.depth) * CHANNELS + i;
        enter_channel(place.depth * CHANNELS + i);
        first = (tile * CHANNELS + i) * (KH * KW * TILE / 4u) - params.packed_base;
        add_channel(slice, place);
    }
    let within = tile % TILES * TILE;
    store_row(0u, within, place);
    store_row(1u, within, place);
    store_row(2u, within, place);
    store_row(3u, within, place);
}
