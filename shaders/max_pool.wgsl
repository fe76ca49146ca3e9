// Largest element of each window over up to three spatial dimensions.
//
//   y[p, od, oh, ow] = max over (kd, kh, kw) of x[p, od SD - PD + kd DD, oh SH - PH + kh DH, ow SW - PW + kw DW]
//
// A thread walks over COLUMNS windows of ROWS output rows: helpers/walk.wgsl.
//
// Grid: x = COLUMNS neighbours of an output row, y = ROWS output rows, z = slices of planes (N C D).
// Numerics: exact. Elements are compared as integers: compilers that assume no NaN, or turn a comparison into max(),
// lose the NaN that must win, or the first of -0.0 and 0.0 that must stay (helpers/keys.wgsl). A window wholly in padding is -inf.
// Source: torch.nn.MaxPool2d; ATen/native/cpu/MaxPoolKernel.cpp.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override KD: u32; override KH: u32; override KW: u32; // kernel
override SD: u32; override SH: u32; override SW: u32; // stride
override PD: u32; override PH: u32; override PW: u32; // padding before
override DD: u32; override DH: u32; override DW: u32; // dilation; DH is 1 if ROLL
override COLUMNS: u32;  // of the output, of a thread: 1, 4 or 8
override ROWS: u32;     // of the output, of a thread: 1 unless ROLL
override ROLL: bool;    // windows are small, and there is no depth
override BRANCHES: bool = false; // a branch that all threads take is cheap, as it is not where they take both sides

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
    divisor: f32,      // not used
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;  // [planes, input_d, input_h, input_w]
@group(0) @binding(1) var<storage, read> way_in: array<vec4<f32>>;  // [channels], helpers/way_in.wgsl
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // [channels], helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<Out>;  // [planes, output_d, output_h, output_w]
@group(0) @binding(5) var<uniform> params: Params;

// Keys of eight neighbouring windows.
struct Keys {
    left: vec4<i32>,
    right: vec4<i32>,
}

const EMPTY = Keys(vec4(LOWEST), vec4(LOWEST));

var<private> keys: array<vec4<i32>, 8>; // of the stretch
var<private> row: Keys;                 // the best of the row that was taken last
var<private> best: array<Keys, 5>;      // of each open output row

fn better(a: Keys, b: Keys) -> Keys {
    if (COLUMNS <= 4u) { return Keys(better4(a.left, b.left), a.right); }
    return Keys(better4(a.left, b.left), better4(a.right, b.right));
}

// What a tap meets in four windows, of which the first is `first`.
fn tap(tap: u32, first: u32) -> vec4<i32> {
    let e = vec4(LEAD + tap * DW) + (vec4(0u, 1u, 2u, 3u) + first) * SPREAD;
    let i = e & vec4(3u);
    let q = e >> vec4(2u);
    return vec4(keys[q.x][i.x], keys[q.y][i.y], keys[q.z][i.z], keys[q.w][i.w]);
}

// The same in all windows of the thread.
fn tapped(t: u32) -> Keys {
    if (COLUMNS == 1u) {
        let e = LEAD + t * DW;
        return Keys(vec4(keys[e >> 2u][e & 3u]), vec4(LOWEST));
    }
    if (COLUMNS <= 4u) { return Keys(tap(t, 0u), vec4(LOWEST)); }
    return Keys(tap(t, 0u), tap(t, 4u));
}

// What is compared of the elements of a quad.
fn taken(bits: vec4<u32>) -> vec4<u32> {
    if (NUMBERS) { return bitcast<vec4<u32>>(entered(number(bits))); }
    return bits;
}

fn admit(column: u32, kw: u32, within: bool) {
    for (var quad = 0u; quad < 8u; quad++) {
        if (quad < TAKEN) {
            keys[quad] = select(vec4(LOWEST), key(taken(stretch[quad])), inside(column, quad, kw, within));
        }
    }
    row = tapped(0u);
    if (BRANCHES && !has_negative_zero()) {
        for (var t = 1u; t < TAPS; t++) {
            let next = tapped(t);
            row = Keys(max(row.left, next.left), max(row.right, next.right));
        }
    } else {
        for (var t = 1u; t < TAPS; t++) { row = better(row, tapped(t)); }
    }
}

// Whether the stretch has a -0.0: without one, the better of two keys is the larger.
fn has_negative_zero() -> bool {
    var has = false;
    for (var quad = 0u; quad < 8u; quad++) {
        if (quad < TAKEN) { has = has || any(keys[quad] == vec4(NEGATIVE_ZERO - turn())); }
    }
    return has;
}

fn join(r: u32, kh: u32, kw: u32) {
    best[r] = better(best[r], row);
}

fn finish(place: Place) {
    let octet = Octet(bits_of_key(best[0].left), bits_of_key(best[0].right));
    let row = ((place.plane * params.output_d + place.depth) * params.output_h + place.height) * params.output_w;
    let count = min(COLUMNS, params.output_w - place.column);
    let channel = place.plane % params.channels;
    if (NUMBERS) {
        store_numbers(row + place.column, count, channel, bitcast<vec4<f32>>(octet.left), bitcast<vec4<f32>>(octet.right));
    } else {
        store_elements(row + place.column, count, channel, octet);
    }
}

fn next() {
    best = array(best[1], best[2], best[3], best[4], EMPTY);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let column = id.x * COLUMNS;
    if (column >= params.output_w || id.y * ROWS >= params.output_h || id.z >= params.planes * params.output_d) { return; }
    best = array(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY);
    enter_channel(id.z / params.output_d % params.channels);
    pool(id.z, id.y, column);
}
