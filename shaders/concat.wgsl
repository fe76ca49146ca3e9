// Places the rows of one input side by side with those of the others: a row is what a picture has in it or, where channels have
// functions of their own, a plane of that. Or copies some rows of each plane, where a convolution takes so large a picture in bands.
//
//   y[n, base + i] = x[n, input_base + i]
//
// Grid: x = elements of a row, eight per thread; y = pictures, and with an affine function their planes.
// Numerics: exact, on bits, but for what is on the ways in and out: helpers/way_in.wgsl, helpers/way_out.wgsl.
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
    planes: u32,       // of a picture of the input, with an affine function
    channel: u32,      // of the output, the first of them
    row: u32,          // elements of a row that are copied
    input_base: u32,   // elements of the input before the first of them
    input_row: u32,    // elements of a picture of the input
    base: u32,         // elements of the output before the first of them
    output_row: u32,   // elements of a picture of the output
    last_lane: u32,    // last 16-byte lane of the input
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>; // [pictures, row]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [planes], helpers/way_in.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y, helpers/way_out.wgsl
@group(0) @binding(4) var<storage, read_write> y: array<Out>; // [pictures, output_row]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let first = id.x * 8u;
    var picture = id.y;
    var plane = 0u;
    if (IN_AFFINE || OUT_AFFINE) {
        picture = id.y / params.planes;
        plane = id.y % params.planes;
    }
    if (first >= params.row || picture >= params.pictures) { return; }
    let within = plane * params.row + first;
    load_stretch(i32(params.input_base + picture * params.input_row + within));
    let at = picture * params.output_row + params.base + within;
    let count = min(8u, params.row - first);
    let channel = params.channel + plane;
    if (IN_AFFINE || IN_RELU) {
        enter_channel(plane);
        store_numbers(at, count, channel, entered(number(stretch[0])), entered(number(stretch[1])));
    } else {
        store_elements(at, count, channel, Octet(stretch[0], stretch[1]));
    }
}
