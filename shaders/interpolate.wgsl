// Nearest neighbour: a gather along each axis.
//
//   y[p, od, oh, ow] = x[p, slices[od], rows[oh], columns[ow]]
//
// The sources of each axis are a table made on the host in the exact arithmetic of the definition: a float that is
// computed on a device can be one unit off, and then the index is.
//
// Where columns are repeated, all as often, a thread loads eight neighbours and stores their repetitions; where rows
// are, it stores what it has loaded to all of them.
//
// Grid: x = eight neighbours of an output row (of an input row, if they are repeated), y = output rows (input rows, if
// they are repeated), z = groups of planes (N C), or the slices of all
// planes.
// Numerics: exact; bits are moved.
// Source: torch.nn.functional.interpolate; ATen/native/UpSample.h.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override REPEAT: u32; // times that each column of eight is repeated, at most 4; 0 to look the columns up
override TIMES: u32 = max(REPEAT, 1u);
override ROWS: u32;   // times that each row is repeated: output rows of a thread
override VOLUME: bool; // there is a depth
override PLANES: u32; // of a thread: they share the sources; without a depth
override LENGTH: u32 = 8u; // neighbours that a thread loads, if they are repeated

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
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;        // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read> columns: array<vec4<u32>>;  // [output_w / 8, rounded up, 2]
@group(0) @binding(2) var<storage, read> lines: array<u32>;          // rows, slices
@group(0) @binding(3) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(4) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(5) var<storage, read_write> y: array<Out>;        // [planes, output_d, output_h, output_w]
@group(0) @binding(6) var<uniform> params: Params;

var<private> left: vec4<u32>;  // sources of a thread, if they are looked up
var<private> right: vec4<u32>;
var<private> channel: u32;     // of the present plane

fn gather(row: u32) {
    let i = vec4(row) + left;
    let j = vec4(row) + right;
    stretch[0] = vec4(element(i.x), element(i.y), element(i.z), element(i.w));
    stretch[1] = vec4(element(j.x), element(j.y), element(j.z), element(j.w));
}

// Which source belongs to an element of the octet of repetitions.
fn source(octet: u32, i: u32) -> u32 {
    let e = (octet * 8u + i) / TIMES;
    return stretch[e >> 2u][e & 3u];
}

// Stores the sources of a row to all places that take them.
fn repeat(row: u32, column: u32) {
    for (var octet = 0u; octet < 4u; octet++) {
        let first = column + octet * 8u;
        if (octet < TIMES && first < params.output_w) {
            let a = vec4(source(octet, 0u), source(octet, 1u), source(octet, 2u), source(octet, 3u));
            let b = vec4(source(octet, 4u), source(octet, 5u), source(octet, 6u), source(octet, 7u));
            for (var r = 0u; r < ROWS; r++) {
                store_elements(row + r * params.output_w + first, min(8u, params.output_w - first), channel, Octet(a, b));
            }
        }
    }
}

fn resample(slice: u32, h: u32, to: u32, height: u32, column: u32, first: u32) {
    let row = (slice * params.input_h + h) * params.input_w;
    if (REPEAT == 0u) { gather(row); } else { load_stretch(i32(row + first)); }
    repeat((to * params.output_h + height) * params.output_w, column);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * 8u * TIMES;
    let height = id.y * ROWS;
    if (column >= params.output_w || height >= params.output_h) { return; }
    if (REPEAT == 0u) {
        left = columns[2u * id.x];
        right = columns[2u * id.x + 1u];
    }
    let h = lines[height];
    if (VOLUME) {
        let plane = id.z / params.output_d;
        if (plane >= params.planes) { return; }
        channel = plane % params.channels;
        let slice = plane * params.input_d + lines[params.output_h + id.z % params.output_d];
        resample(slice, h, id.z, height, column, id.x * 8u);
        return;
    }
    let end = min((id.z + 1u) * PLANES, params.planes);
    for (var plane = id.z * PLANES; plane < end; plane++) {
        channel = plane % params.channels;
        resample(plane, h, plane, height, column, id.x * 8u);
    }
}
