// Change of type between f32 and f16, with what helpers/elementwise.wgsl does on the way in and out.
//
//   y = out(in(x)), rounded to the nearest where it becomes narrower
//
// Grid: as there, of lanes of the f16 tensor.
// Numerics: f32, one rounding each operation; ties go to even, numbers beyond the largest f16 become infinite.
// Source: torch.Tensor.to.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override NARROW: bool; // f32 to f16, else f16 to f32
override OUT_SKIP: bool = false;
override OUT_RELU: bool = false;

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    channels: u32,
    batch: u32,        // pictures
    plane: u32,        // elements of a plane
    lanes: u32,        // of a picture, or of all where pictures begin within lanes
    wide_lanes: u32,   // of the f32 tensor
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;       // [batch, channels, plane]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [channels], batch_norm_affine.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // as way_in
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<vec4<u32>>; // as x
@group(0) @binding(5) var<uniform> params: Params;

fn done(v: vec4<f32>, other: vec4<f32>, functions: FourFunctions) -> vec4<f32> {
    var y = entered(v, functions.entry);
    if (OUT_AFFINE) { y = applied(y, functions.own); }
    if (OUT_SKIP) { y += other; }
    if (OUT_RELU) { y = rectified(y); }
    return y;
}

// Eight numbers, of which the last four may be behind the last.
struct Eight {
    left: vec4<f32>,
    right: vec4<f32>,
}

fn halves(lane: vec4<u32>) -> Eight {
    let octet = widened(lane);
    return Eight(number(octet.left), number(octet.right));
}

fn second(lane: u32) -> u32 {
    return min(2u * lane + 1u, params.wide_lanes - 1u);
}

fn source(lane: u32) -> Eight {
    if (!NARROW) { return halves(x[x_at(lane)]); }
    return Eight(bitcast<vec4<f32>>(x[x_at(2u * lane)]), bitcast<vec4<f32>>(x[x_at(second(lane))]));
}

fn skips(lane: u32) -> Eight {
    if (!OUT_SKIP) { return Eight(); }
    if (NARROW) { return halves(skip[y_at(lane)]); }
    return Eight(bitcast<vec4<f32>>(skip[y_at(2u * lane)]), bitcast<vec4<f32>>(skip[y_at(second(lane))]));
}

fn apply_lane(lane: u32, functions: LaneFunctions) {
    let v = source(lane);
    let other = skips(lane);
    let left = done(v.left, other.left, functions.left);
    let right = done(v.right, other.right, functions.right);
    if (NARROW) {
        y[y_at(lane)] = narrowed(Octet(half_bits(left), half_bits(right)));
        return;
    }
    y[y_at(2u * lane)] = bitcast<vec4<u32>>(left);
    if (second(lane) > 2u * lane) { y[y_at(second(lane))] = bitcast<vec4<u32>>(right); }
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    transform((workgroup + params.origin) * vec3(WX, WY, WZ) + local);
}
