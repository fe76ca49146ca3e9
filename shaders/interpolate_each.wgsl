// Nearest neighbour: a gather along each axis, for devices whose loads are cheap. A thread makes one lane of the output, so that
// threads store beside one another, and looks up each of its elements; of rows that are doubled it knows them.
//
//   y[p, od, oh, ow] = x[p, slices[od], rows[oh], columns[ow]]
//
// Grid: x = lanes of the output, one per thread; of rows that are DOUBLED, one in each of the rows that show one of the input.
// Numerics: exact; bits are moved.
// Source: torch.nn.functional.interpolate; ATen/native/UpSample.h.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override EDGES: bool;       // output rows begin within lanes: one of two rows is looked up for each element
override VOLUME: bool;      // there is a depth
override DOUBLED: u32;      // output rows that show a row of the input, 1 or 2, if each of its elements is in them twice; else 0
override LENGTH: u32 = 1u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    lanes: u32,        // of the output
    lines: u32,        // output rows of all slices and planes
    channels: u32,     // C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    last_lane: u32,    // of the input
    output_d: u32,
    output_h: u32,
    output_w: u32,     // at least a lane
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read> columns: array<u32>;       // [output_w]
@group(0) @binding(2) var<storage, read> lines: array<u32>;         // rows, slices
@group(0) @binding(3) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out_lane.wgsl
@group(0) @binding(4) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(5) var<storage, read_write> y: array<vec4<u32>>; // [planes, output_d, output_h, output_w]
@group(0) @binding(6) var<uniform> params: Params;

var<private> channel: u32;

// Where the row of the input begins that an output row shows; of one behind the last, the last.
fn start_of(line: u32) -> u32 {
    let within = min(line, params.lines - 1u);
    let row = lines[within % params.output_h];
    var slice = within / params.output_h;
    if (VOLUME) {
        slice = slice / params.output_d * params.input_d + lines[params.output_h + slice % params.output_d];
    }
    return (slice * params.input_h + row) * params.input_w;
}

// The sources of four elements from a column on: of a row of the input, or of that of the next output row.
fn gather(own: u32, next: u32, column: u32) -> vec4<u32> {
    let at = vec4(0u, 1u, 2u, 3u) + column;
    var start = vec4(own);
    var to = at;
    if (EDGES) {
        let behind = at >= vec4(params.output_w);
        start = select(start, vec4(next), behind);
        to = select(at, at - params.output_w, behind);
    }
    let sources = start + vec4(columns[to.x], columns[to.y], columns[to.z], columns[to.w]);
    return vec4(element(sources.x), element(sources.y), element(sources.z), element(sources.w));
}

// Stores a lane that shows two words of a row twice.
fn store_doubled(lane: u32, words: vec2<u32>) {
    let other = skip_lane(lane);
    if (HALF) {
        let others = widened(other);
        let even = words << vec2(16u);
        let odd = words & vec2(0xffff0000u);
        let left = done(vec4(even.x, even.x, odd.x, odd.x), others.left);
        y[y_at(lane)] = narrowed(Octet(left, done(vec4(even.y, even.y, odd.y, odd.y), others.right)));
    } else {
        y[y_at(lane)] = done(words.xxyy, other);
    }
}

// Makes the lanes of a thread that show half a lane of the input.
fn double(thread: u32) {
    let row_lanes = params.output_w / PER_LANE;
    let row = thread / row_lanes;
    let lane = thread % row_lanes;
    channel = row * DOUBLED / params.output_h % params.channels;
    let first = row * params.input_w + lane * (PER_LANE / 2u);
    let bits = x[x_at(first / PER_LANE)];
    let words = select(bits.xy, bits.zw, first % PER_LANE > 0u);
    let to = row * DOUBLED * row_lanes + lane;
    store_doubled(to, words);
    if (DOUBLED == 2u) { store_doubled(to + row_lanes, words); }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = (workgroup.x + params.origin.x) * WX + local;
    if (lane >= params.lanes / max(DOUBLED, 1u)) { return; }
    if (DOUBLED > 0u) {
        double(lane);
        return;
    }
    let line = lane * PER_LANE / params.output_w;
    let column = lane * PER_LANE % params.output_w;
    channel = line / params.output_h / params.output_d % params.channels;
    let own = start_of(line);
    var next = own;
    if (EDGES) { next = start_of(line + 1u); }
    let other = skip_lane(lane);
    if (HALF) {
        let others = widened(other);
        let left = done(gather(own, next, column), others.left);
        y[y_at(lane)] = narrowed(Octet(left, done(gather(own, next, column + 4u), others.right)));
    } else {
        y[y_at(lane)] = done(gather(own, next, column), other);
    }
}
