// Cross-correlation with filters of few input channels: the first layer of a network.
//
//   y[n, o, oh, ow] = bias[o] + sum over (i, kh, kw) of weight[o, i, kh, kw] x[n, g I + i, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// with g = o / (O / groups). As conv_tile.wgsl, with several output rows a thread, which have a weight at the cost of one: more
// sums than a GPU has registers for. Input rows that they share are loaded once: helpers/shared.wgsl.
//
// Grid: x = eight neighbours of an output row, y = ROWS output rows, z = batch x groups x tiles of filters, or tiles outermost (OUTER).
// Numerics: f32 sums over (i, kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KH: u32; override KW: u32; // filter; KW at most 7
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
// Binding 1, the packed weights: helpers/weights_uniform.wgsl.
@group(0) @binding(2) var<storage, read> bias: array<u32>;         // [GROUPS FILTERS]
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [GROUPS CHANNELS], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [GROUPS FILTERS], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<Out>;      // [batch, GROUPS FILTERS, output_h, output_w]
@group(0) @binding(7) var<uniform> params: Params;

override HELD: u32 = KW;

var<private> sums: array<Sums, 32>; // [ROWS, TILE]

fn admit(column: u32, kw: u32, within: bool) {
    take_values(column, kw, within);
}

// Adds what a row of filter f meets in output row r.
fn add_to(r: u32, f: u32, weights: array<f32, 7>) {
    if (r >= ROWS) { return; }
    values = met[r];
    var sum = sums[r * TILE + f];
    sum = add_tap(sum, 0u, weights[0]);
    sum = add_tap(sum, 1u, weights[1]);
    sum = add_tap(sum, 2u, weights[2]);
    sum = add_tap(sum, 3u, weights[3]);
    sum = add_tap(sum, 4u, weights[4]);
    sum = add_tap(sum, 5u, weights[5]);
    sum = add_tap(sum, 6u, weights[6]);
    sums[r * TILE + f] = sum;
}

fn add_filter(f: u32, first: u32) {
    if (f >= TILE) { return; }
    let weights = array<f32, 7>(
        weight_of(first, 0u, f),
        weight_of(first, 1u, f),
        weight_of(first, 2u, f),
        weight_of(first, 3u, f),
        weight_of(first, 4u, f),
        weight_of(first, 5u, f),
        weight_of(first, 6u, f),
    );
    add_to(0u, f, weights);
    add_to(1u, f, weights);
    add_to(2u, f, weights);
    add_to(3u, f, weights);
}

// Adds a row of the filters, whose weights begin at `first`.
fn add_row(first: u32) {
    add_filter(0u, first);
    add_filter(1u, first);
    add_filter(2u, first);
    add_filter(3u, first);
    add_filter(4u, first);
    add_filter(5u, first);
    add_filter(6u, first);
    add_filter(7u, first);
}

// Adds an input channel, whose weights begin at `first`.
fn add_channel(slice: u32, place: Place, first: u32) {
    enter_rows(slice, place);
    for (var kh = 0u; kh < KH; kh++) {
        next_row(slice, place, kh);
        add_row(first + kh * KW * TILE / 4u);
        leave_row();
    }
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
        add_channel(slice, place, (tile * CHANNELS + i) * (KH * KW * TILE / 4u) - params.packed_base);
    }
    let within = tile % TILES * TILE;
    store_row(0u, within, place);
    store_row(1u, within, place);
    store_row(2u, within, place);
    store_row(3u, within, place);
}
