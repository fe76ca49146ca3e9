// Places the rows of one input side by side with those of the others: a row is what a picture has in it. Or copies some rows
// of each plane, where a convolution takes so large a picture in bands.
//
//   y[n, base + i] = x[n, input_base + i]
//
// Grid: x = elements of a row, eight per thread; y = pictures.
// Numerics: exact, on bits.
// Source: torch.cat(dim=1).

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override LENGTH: u32 = 8u;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    pictures: u32,     // N
    row: u32,          // elements of a row that are copied
    input_base: u32,   // elements of the input before the first of them
    input_row: u32,    // elements of a row of the input
    base: u32,         // elements of the output before the first of them
    output_row: u32,   // elements of a row of the output
    last_lane: u32,    // last 16-byte lane of the input
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>; // [pictures, row]
@group(0) @binding(1) var<storage, read> way_out: array<vec4<f32>>; // of no use: a lane may have several channels
@group(0) @binding(2) var<storage, read> skip: array<vec4<u32>>;    // as y, helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read_write> y: array<Out>; // [pictures, output_row]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let first = id.x * 8u;
    if (first >= params.row || id.y >= params.pictures) { return; }
    load_stretch(i32(params.input_base + id.y * params.input_row + first));
    let at = id.y * params.output_row + params.base + first;
    store_elements(at, min(8u, params.row - first), 0u, Octet(stretch[0], stretch[1]));
}
