// Nearest neighbour: a gather along each axis.
//
//   y[p, od, oh, ow] = x[p, slices[od], rows[oh], columns[ow]]
//
// The sources of each axis are a table made on the host in the exact arithmetic of the definition: a float that is
// computed on a device can be one unit off, and then the index is.
//
// Where columns are repeated, all as often, a thread loads four neighbours and stores their repetitions; where rows
// are, it stores what it has loaded to all of them.
//
// Grid: x = four neighbours of an output row (of an input row, if they are repeated), y = output rows (input rows, if
// they are repeated), z = groups of planes (N C); depth is a loop.
// Numerics: exact; values are moved.
// Source: torch.nn.functional.interpolate; ATen/native/UpSample.h.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override REPEAT: u32; // times that each column of four is repeated, 0 to look the columns up
override TIMES: u32 = max(REPEAT, 1u);
override ROWS: u32; // times that each row is repeated: output rows of a thread
override VOLUME: bool; // there is a depth to loop over
override PLANES: u32; // of a thread: they share the sources
override REACH: u32; // 16-byte lanes that hold the four sources of a thread: 1, 2, or 3 for any number

struct Params {
    origin: vec3<u32>, // first workgroup
    planes: u32,       // N C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    output_d: u32,
    output_h: u32,
    output_w: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;             // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read> columns: array<vec4<u32>>;  // [output_w / 4, rounded up]
@group(0) @binding(2) var<storage, read> lines: array<u32>;          // rows, slices
@group(0) @binding(3) var<storage, read_write> y: array<Out>;        // [planes, output_d, output_h, output_w]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * 4u * TIMES;
    let height = id.y * ROWS;
    if (column >= params.output_w || height >= params.output_h) { return; }
    var sources = vec4(id.x * 4u) + vec4(0u, 1u, 2u, 3u);
    if (REPEAT == 0u) { sources = columns[id.x]; }
    let h = lines[height];
    let end = min((id.z + 1u) * PLANES, params.planes);
    for (var plane = id.z * PLANES; plane < end; plane++) {
        // Written out: a loop over one slice is not free.
        if (!VOLUME) {
            let v = gather4((plane * params.input_h + h) * params.input_w, sources);
            repeat(v, (plane * params.output_h + height) * params.output_w, column);
            continue;
        }
        for (var depth = 0u; depth < params.output_d; depth++) {
            let slice = plane * params.input_d + lines[params.output_h + depth];
            let v = gather4((slice * params.input_h + h) * params.input_w, sources);
            repeat(v, ((plane * params.output_d + depth) * params.output_h + height) * params.output_w, column);
        }
    }
}

// Stores four sources to all places that take them.
fn repeat(v: vec4<f32>, row: u32, column: u32) {
    for (var r = 0u; r < ROWS; r++) {
        for (var i = 0u; i < 4u * TIMES; i += 4u) {
            let value = vec4(v[i / TIMES], v[(i + 1u) / TIMES], v[(i + 2u) / TIMES], v[(i + 3u) / TIMES]);
            store4(row + r * params.output_w, column + i, value);
        }
    }
}
