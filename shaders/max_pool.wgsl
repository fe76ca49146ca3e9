// Largest element of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = max over (kd, kh, kw) of x[p, od SD - PD + kd DD, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread walks over COLUMNS windows: helpers/pool.wgsl.
//
// Grid: x = COLUMNS neighbours of an output row, y = output rows, z = planes (N C); depth is a loop, which folds away
// where there are no volumes.
// Numerics: exact. Elements are compared as integers: compilers that assume no NaN, or turn a comparison into max(),
// lose the NaN that must win, or the first of -0.0 and 0.0 that must stay. A window wholly in padding is -inf.
// Source: torch.nn.MaxPool2d; ATen/native/cpu/MaxPoolKernel.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KD: u32; override KH: u32; override KW: u32; // kernel
override SD: u32; override SH: u32; override SW: u32; // stride
override PD: u32; override PH: u32; override PW: u32; // padding before
override DD: u32; override DH: u32; override DW: u32; // dilation
override COLUMNS: u32;  // of the output, of a thread: 4 or 8
override LEAD: u32;     // elements of the stretch before the first window: it begins at a multiple of 4
override SEGMENTS: u32; // four elements each
override VOLUME: bool;  // three spatial dimensions

struct Params {
    origin: vec3<u32>, // first workgroup
    planes: u32,       // N C
    input_d: u32,
    input_h: u32,
    input_w: u32,
    output_d: u32,
    output_h: u32,
    output_w: u32,
    divisor: f32,      // not used
}

@group(0) @binding(0) var<storage, read> x: array<Lane>;       // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(2) var<uniform> params: Params;

// The bits of floats, and their rank.
struct Elements {
    bits: vec4<i32>,
    rank: vec4<i32>,
}

// The best element of each.
alias Windows = Elements;

// The bits of -inf, and its rank: what is not below any element.
const EMPTY = Windows(vec4(-0x800000i), vec4(-0x7fffffffi - 1i));

// Integers in the order of the floats: zeros of both signs are equal, every NaN is above infinity. A sign and a
// magnitude become a signed number, from which a shift turns the NaNs below -inf around to the top.
fn ranks(bits: vec4<i32>) -> vec4<i32> {
    let sign = bitcast<vec4<u32>>(bits >> vec4(31u)); // all ones or none
    let signed = (bitcast<vec4<u32>>(bits) ^ (sign & vec4(0x7fffffffu))) - sign;
    return bitcast<vec4<i32>>(signed - vec4(0x800000u));
}

fn admit(values: vec4<f32>, inside: vec4<bool>) -> Elements {
    let bits = bitcast<vec4<i32>>(values);
    return Elements(bits, select(EMPTY.rank, ranks(bits), inside));
}

fn take(best: Windows, elements: Elements, i: u32, belongs: vec4<bool>) -> Windows {
    let rank = vec4(elements.rank[i]);
    let wins = belongs & (rank > best.rank);
    return Windows(
        select(best.bits, vec4(elements.bits[i]), wins),
        select(best.rank, max(best.rank, rank), belongs),
    );
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * COLUMNS;
    let height = id.y;
    if (column >= params.output_w || height >= params.output_h || id.z >= params.planes) { return; }
    for (var depth = 0u; depth < select(1u, params.output_d, VOLUME); depth++) {
        let pooled = pool(id.z, depth, height, column);
        let row = ((id.z * params.output_d + depth) * params.output_h + height) * params.output_w;
        store4(row, column, bitcast<vec4<f32>>(pooled.left.bits));
        if (COLUMNS > 4u && column + 4u < params.output_w) {
            store4(row, column + 4u, bitcast<vec4<f32>>(pooled.right.bits));
        }
    }
}
