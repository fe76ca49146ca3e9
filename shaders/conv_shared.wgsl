// Cross-correlation with learned filters over one or two spatial dimensions, in groups, as a product of matrices: filters by
// taps, and taps by pixels. For devices with memory of a workgroup that is nearer than their caches.
//
//   y[n, o, oh, ow] = bias[o] + sum over (i, kh, kw) of weight[o, i, kh, kw] x[n, g I + i, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// with g = o / (O / groups). A workgroup makes 128 pixels of TILE filters. It goes along the taps STEP by STEP: their weights, which
// conv_pack.wgsl has laid beside one another, and what they meet are in its memory while it loads those of the next step. A
// thread makes eight pixels of eight filters, two fours of them: of f16, neighbours, which are a lane.
//
// Grid: x = 16 threads of 128 pixels of a picture, of all pictures where they are FLAT; y = TILE / 8 threads; z = batch x groups x tiles.
// Numerics: f32 sums over (i, kh, kw) in order, the bias last.
// Source: torch.nn.functional.conv2d.

override WX: u32 = 16u;
override WY: u32 = 8u;
override WZ: u32 = 1u;
override KH: u32; override KW: u32; // filter
override SH: u32; override SW: u32; // stride
override PH: u32; override PW: u32; // zeros before
override DH: u32; override DW: u32; // dilation
override UP_H: u32 = 1u;            // how often rows and columns of the input are repeated
override UP_W: u32 = 1u;
override CHANNELS: u32;             // input channels of a group
override GROUPS: u32;
override FILTERS: u32;              // of a group
override TILE: u32;                 // filters of a workgroup, 32 or 64
override TILES: u32;                // of a group
override FLAT: bool;                // pixels of all pictures are one row
override TAPS: u32 = CHANNELS * KH * KW;
override LENGTH: u32 = 1u;

override EACH: u32 = 32u / WY;       // taps of a step that a thread loads

const STEP = 16u; // taps; 128 pixels are 32 fours

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    batch: u32,
    input_h: u32,      // repeated
    input_w: u32,
    last_lane: u32,    // of the input
    output_h: u32,
    output_w: u32,
    packed_base: u32,  // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;      // [batch, GROUPS CHANNELS, input_h / UP_H, input_w / UP_W]
@group(0) @binding(1) var<storage, read> packed: array<vec4<f32>>; // [GROUPS TILES, TAPS, TILE / 4]
@group(0) @binding(2) var<storage, read> bias: array<u32>;         // [GROUPS FILTERS]
@group(0) @binding(3) var<storage, read> way_in: array<vec4<f32>>;  // [GROUPS CHANNELS], helpers/way_in.wgsl
@group(0) @binding(4) var<storage, read> way_out: array<vec4<f32>>; // [GROUPS FILTERS], helpers/way_out.wgsl
@group(0) @binding(5) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(6) var<storage, read_write> y: array<Out>;      // [batch, GROUPS FILTERS, output_h, output_w]
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> weights: array<vec4<f32>, 256>; // [STEP, TILE / 4]
var<workgroup> met: array<vec4<f32>, 512>;     // [STEP, 32]
var<private> own_weights: array<vec4<f32>, 2>; // what a thread has loaded for the next step
var<private> own_met: array<vec4<f32>, 8>;     // [EACH]

fn fetch_met(place: Place, pixels: Pixels, first: u32, i: u32) {
    if (i < EACH) { own_met[i] = meet(pixels, place, first + i); }
}

// Loads of the step from tap `first` on what thread `index` loads.
fn fetch(place: Place, pixels: Pixels, first: u32, index: u32) {
    own_weights[0] = weigh(place, first, index);
    own_weights[1] = weigh(place, first, index + 16u * WY);
    let from_tap = first + index / 32u * EACH;
    fetch_met(place, pixels, from_tap, 0u);
    fetch_met(place, pixels, from_tap, 1u);
    fetch_met(place, pixels, from_tap, 2u);
    fetch_met(place, pixels, from_tap, 3u);
    fetch_met(place, pixels, from_tap, 4u);
    fetch_met(place, pixels, from_tap, 5u);
    fetch_met(place, pixels, from_tap, 6u);
    fetch_met(place, pixels, from_tap, 7u);
}

fn share_met(index: u32, i: u32) {
    if (i < EACH) { met[(index / 32u * EACH + i) * 32u + index % 32u] = own_met[i]; }
}

// Hands that to the workgroup.
fn share(index: u32) {
    weights[index] = own_weights[0];
    weights[index + 16u * WY] = own_weights[1];
    share_met(index, 0u);
    share_met(index, 1u);
    share_met(index, 2u);
    share_met(index, 3u);
    share_met(index, 4u);
    share_met(index, 5u);
    share_met(index, 6u);
    share_met(index, 7u);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let id = workgroup + params.origin;
    let place = Place(id.z % (GROUPS * TILES), id.z / (GROUPS * TILES), id.x * 128u);
    let fours = select(vec2(local.x, local.x + 16u), vec2(2u * local.x, 2u * local.x + 1u), HALF);
    let pixels = pixels_of(place, index % 32u * 4u);
    sums = array<Product, 8>();
    fetch(place, pixels, 0u, index);
    for (var first = 0u; first < TAPS; first += STEP) {
        workgroupBarrier();
        share(index);
        workgroupBarrier();
        if (first + STEP < TAPS) { fetch(place, pixels, first + STEP, index); }
        for (var tap = 0u; tap < STEP; tap++) { add_tap(tap, 2u * local.y, fours); }
    }
    let within = place.tile % TILES * TILE + 8u * local.y;
    store_filter(place, within, 0u, fours);
    store_filter(place, within, 1u, fours);
    store_filter(place, within, 2u, fours);
    store_filter(place, within, 3u, fours);
    store_filter(place, within, 4u, fours);
    store_filter(place, within, 5u, fours);
    store_filter(place, within, 6u, fours);
    store_filter(place, within, 7u, fours);
    hand_over(place, id.x, local, index);
}
