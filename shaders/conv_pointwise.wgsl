// Convolution with filters of 1 x 1, in groups: a product of matrices. A picture is one row of H W pixels.
//
//   y[n, o, p] = bias[o] + sum over i of weight[o, i] x[n, g I + i, p]
//
// with g = o / (O / groups). A thread makes a tile: STRETCHES of eight neighbouring pixels, of TILE filters. A value that it loads
// serves all filters, a weight all pixels.
//
// Grid: x = STRETCHES x eight neighbouring pixels, z = batch x groups x tiles of filters, or tiles outermost (OUTER).
// Numerics: f32 sums over i in order, the bias last.
// Source: torch.nn.functional.conv2d.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override CHANNELS: u32;  // input channels of a group
override GROUPS: u32;
override FILTERS: u32;   // of a group
override TILE: u32;      // filters of a thread, 4, 8 or 16
override TILES: u32;     // of a group
override STRETCHES: u32; // of eight pixels, of a thread, 1, 2 or 4
override HELD: u32 = 1u; // channels whose weights are loaded together
override COLUMNS: u32 = 8u;
override LENGTH: u32 = 8u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    batch: u32,
    input_h: u32,      // 1
    input_w: u32,      // pixels
    last_lane: u32,    // of the input
    output_h: u32,     // 1
    output_w: u32,     // pixels
    packed_base: u32,  // 16-byte lanes of the packed weights that are before what is bound
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;      // [batch, GROUPS CHANNELS, pixels]
// Binding 1, the packed weights: helpers/weights_loaded.wgsl, or weights_uniform.wgsl.
@group(0) @binding(2) var<storage, read> bias: array<u32>;         // [GROUPS FILTERS]
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [GROUPS CHANNELS], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [GROUPS FILTERS], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<Out>;      // [batch, GROUPS FILTERS, pixels]
@group(0) @binding(7) var<uniform> params: Params;

struct Place {
    plane: u32, // picture
    depth: u32, // group
    height: u32,
    column: u32, // first pixel
}

var<private> sums: array<Sums, 64>;  // [TILE, STRETCHES]
var<private> pixels: array<Sums, 4>; // [STRETCHES], of the present channel

fn load_pixels(i: u32, first: u32) {
    if (i >= STRETCHES) { return; }
    load_stretch(i32(first + i * COLUMNS));
    pixels[i] = Sums(entered(number(stretch[0])), entered(number(stretch[1])));
}

fn add_pixels(i: u32, f: u32, weight: f32) {
    if (i >= STRETCHES) { return; }
    let sum = sums[f * STRETCHES + i];
    let left = fma(vec4(weight), pixels[i].left, sum.left);
    let right = fma(vec4(weight), pixels[i].right, sum.right);
    sums[f * STRETCHES + i] = Sums(left, right);
}

// Adds the pixels to the sums of filter f.
fn add_filter(f: u32, first: u32) {
    if (f >= TILE) { return; }
    let weight = weight_of(first, 0u, f);
    add_pixels(0u, f, weight);
    add_pixels(1u, f, weight);
    add_pixels(2u, f, weight);
    add_pixels(3u, f, weight);
}

// Adds an input channel, whose weights begin at `first`.
fn add_channel(channel: u32, place: Place, first: u32) {
    enter_channel(channel);
    let pixel = (place.plane * GROUPS * CHANNELS + channel) * params.input_w + place.column;
    load_pixels(0u, pixel);
    load_pixels(1u, pixel);
    load_pixels(2u, pixel);
    load_pixels(3u, pixel);
    load_weights(first);
    add_filter(0u, first);
    add_filter(1u, first);
    add_filter(2u, first);
    add_filter(3u, first);
    add_filter(4u, first);
    add_filter(5u, first);
    add_filter(6u, first);
    add_filter(7u, first);
    add_filter(8u, first);
    add_filter(9u, first);
    add_filter(10u, first);
    add_filter(11u, first);
    add_filter(12u, first);
    add_filter(13u, first);
    add_filter(14u, first);
    add_filter(15u, first);
}

fn store_pixels(i: u32, f: u32, within: u32, place: Place) {
    let column = place.column + i * COLUMNS;
    if (i >= STRETCHES || column >= params.output_w) { return; }
    store_sums(sums[f * STRETCHES + i], f, within, Place(place.plane, place.depth, 0u, column));
}

fn store_filter(f: u32, within: u32, place: Place) {
    if (f >= TILE) { return; }
    store_pixels(0u, f, within, place);
    store_pixels(1u, f, within, place);
    store_pixels(2u, f, within, place);
    store_pixels(3u, f, within, place);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let tile = tile_of(id.z);
    let place = Place(picture_of(id.z), tile / TILES, 0u, id.x * STRETCHES * COLUMNS);
    if (place.column >= params.output_w || id.y > 0u || place.plane >= params.batch) { return; }
    sums = array<Sums, 64>();
    for (var i = 0u; i < CHANNELS; i++) {
        add_channel(place.depth * CHANNELS + i, place, (tile * CHANNELS + i) * (TILE / 4u) - params.packed_base);
    }
    let within = tile % TILES * TILE;
    store_filter(0u, within + 0u, place);
    store_filter(1u, within + 1u, place);
    store_filter(2u, within + 2u, place);
    store_filter(3u, within + 3u, place);
    store_filter(4u, within + 4u, place);
    store_filter(5u, within + 5u, place);
    store_filter(6u, within + 6u, place);
    store_filter(7u, within + 7u, place);
    store_filter(8u, within + 8u, place);
    store_filter(9u, within + 9u, place);
    store_filter(10u, within + 10u, place);
    store_filter(11u, within + 11u, place);
    store_filter(12u, within + 12u, place);
    store_filter(13u, within + 13u, place);
    store_filter(14u, within + 14u, place);
    store_filter(15u, within + 15u, place);
}
