// Nearest neighbour by a factor of 2 along rows, and 1 or 2 along columns, where rows of the output begin within lanes.
//
//   y[p, oh, ow] = x[p, oh / ROWS, ow / 2]
//
// A thread makes whole lanes of the output, four that begin in each of ROWS output rows of an input row. The last of an output
// row may reach into the next: of this input row, or of the next one, which is behind it in memory, too.
//
// Grid: x = eight neighbours of an input row, sixteen in f16; y = input rows; z = planes (N C).
// Numerics: exact; bits are moved.
// Source: torch.nn.functional.interpolate; ATen/native/UpSample.h.

override WX: u32 = 64u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override ROWS: u32;              // times that each row is repeated, 1 or 2
// What four lanes show, and what may be before the first of them.
override LENGTH: u32 = 2u * PER_LANE + PER_LANE / 2u - 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    planes: u32,       // N C
    channels: u32,     // C
    input_h: u32,
    input_w: u32,
    last_lane: u32,    // of the input
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [planes, input_h, input_w]
@group(0) @binding(1) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out_lane.wgsl; planes of the output begin at lanes
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(3) var<storage, read_write> y: array<vec4<u32>>; // [planes, ROWS input_h, 2 input_w]
@group(0) @binding(4) var<uniform> params: Params;

var<private> shown: array<vec4<u32>, 4>; // what the four lanes of a row show, in f32 two elements each
var<private> channel: u32;

fn twice(a: u32, b: u32, other: vec4<u32>) -> vec4<u32> {
    return done(vec4(a, a, b, b), other);
}

// Stores what a lane shows of two elements, four in f16.
fn store_lane(lane: u32, quad: vec4<u32>) {
    let other = skip_lane(lane);
    if (HALF) {
        let others = widened(other);
        y[y_at(lane)] = narrowed(Octet(twice(quad.x, quad.y, others.left), twice(quad.z, quad.w, others.right)));
    } else {
        y[y_at(lane)] = twice(quad.x, quad.y, other);
    }
}

fn store_own(i: u32, first: u32, end: u32) {
    if (first + i >= end) { return; }
    if (HALF) {
        store_lane(first + i, shown[i]);
    } else {
        let quad = shown[i >> 1u];
        store_lane(first + i, select(quad, quad.zwzw, (i & 1u) == 1u));
    }
}

// Where the first lane that begins in an output row does, in elements of the row.
fn begin_of(row: u32) -> u32 {
    return (PER_LANE - row * 2u * params.input_w % PER_LANE) % PER_LANE;
}

fn show_quad(quad: u32, by: u32) {
    shown[quad] = shifted(stretch[quad], stretch[quad + 1u], by);
}

// Stores the lane that begins with the last `own` elements of an input row, and shows its first ones again.
fn store_edge(lane: u32, own: u32, row: u32) {
    let place = vec4(0u, 1u, 2u, 3u);
    let source = row * params.input_w + select(place - own, params.input_w - own + place, place < vec4(own));
    var quad = vec4(element(source.x), element(source.y), 0u, 0u);
    if (HALF) { quad = vec4(quad.xy, element(source.z), element(source.w)); }
    store_lane(lane, quad);
}

// Stores the lanes of a thread that begin in the r-th output row of an input row.
fn store_row(r: u32, row: u32, thread: u32) {
    if (r >= ROWS) { return; }
    let output_row = row * ROWS + r;
    let begin = begin_of(output_row);
    show_quad(0u, begin / 2u);
    show_quad(1u, begin / 2u);
    if (HALF) {
        show_quad(2u, begin / 2u);
        show_quad(3u, begin / 2u);
    }
    let start = output_row * 2u * params.input_w;
    let first = (start + begin) / PER_LANE + thread * 4u;
    let last = r + 1u == ROWS;
    let end = (start + 2u * params.input_w + select(0u, PER_LANE - 1u, last)) / PER_LANE;
    store_own(0u, first, end);
    store_own(1u, first, end);
    store_own(2u, first, end);
    store_own(3u, first, end);
    if (last) { return; }
    let own = (start + 2u * params.input_w) % PER_LANE / 2u;
    if (own > 0u && first <= end && end < first + 4u) { store_edge(end, own, row); }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let first = id.x * 2u * PER_LANE;
    if (first >= params.input_w || id.y >= params.input_h || id.z >= params.planes) { return; }
    channel = id.z % params.channels;
    let row = id.z * params.input_h + id.y;
    load_stretch(i32(row * params.input_w + first));
    store_row(0u, row, id.x);
    store_row(1u, row, id.x);
}
