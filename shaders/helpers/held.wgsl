// Small planes, held whole in registers: a thread loads each element of a few planes once, in whole lanes, and stores whole
// lanes of their outputs. Which element is where is known at compile time, and so written out: what is indexed in a loop
// is not in registers. On Mesa's software driver, which loads and stores element by element, it is many times faster than
// a thread for each plane: rows of seven are neither aligned nor as long as lanes.
//
// A helper of how many lanes are written out has `release`: a compiler takes the longer, the more there are.
//
// Of the kernel: `taken`, what is held of four elements from the e-th of the input on; `output`, one output.

override OUT_AFFINE: bool = false; // helpers/way_out.wgsl
override OUT_SKIP: bool = false;
override OUT_RELU: bool = false;
override PLANES: u32;     // of a thread: they begin and end at lanes, in the input and in the output
override HEIGHT: u32;     // of the input
override WIDTH: u32;
override OUT_HEIGHT: u32; // of the output
override OUT_WIDTH: u32;
override HELD: u32 = PLANES * HEIGHT * WIDTH / PER_LANE; // lanes of a thread, at most 64
override MADE: u32 = PLANES * OUT_HEIGHT * OUT_WIDTH / PER_LANE; // at most as many as `release` has

var<private> held: array<vec4<u32>, 128>;
var<private> exits: array<vec4<f32>, 8>; // way_out of the channel of each plane

// Element of plane p, in row h and column w.
fn element_of(p: u32, h: u32, w: u32) -> u32 {
    let e = (p * HEIGHT + h) * WIDTH + w;
    return held[e >> 2u][e & 3u];
}

fn hold_lane(first: u32, i: u32) {
    if (i >= HELD) { return; }
    // Behind the last plane there is any value.
    let lane = x[min(x_at(first + i), x_at(params.last_lane))];
    if (HALF) {
        let octet = widened(lane);
        held[2u * i] = taken(8u * i, octet.left);
        held[2u * i + 1u] = taken(8u * i + 4u, octet.right);
    } else {
        held[i] = taken(4u * i, lane);
    }
}

fn hold_eight(first: u32, i: u32) {
    hold_lane(first, i + 0u);
    hold_lane(first, i + 1u);
    hold_lane(first, i + 2u);
    hold_lane(first, i + 3u);
    hold_lane(first, i + 4u);
    hold_lane(first, i + 5u);
    hold_lane(first, i + 6u);
    hold_lane(first, i + 7u);
}

fn exit_by(p: u32, channel: u32) {
    if (OUT_AFFINE && p < PLANES) { exits[p] = way_out[channel % params.channels]; }
}

// Holds PLANES planes.
fn hold(plane: u32) {
    let first = plane / PLANES * HELD;
    hold_eight(first, 0u);
    hold_eight(first, 8u);
    hold_eight(first, 16u);
    hold_eight(first, 24u);
    hold_eight(first, 32u);
    hold_eight(first, 40u);
    hold_eight(first, 48u);
    hold_eight(first, 56u);
    exit_by(0u, plane + 0u);
    exit_by(1u, plane + 1u);
    exit_by(2u, plane + 2u);
    exit_by(3u, plane + 3u);
    exit_by(4u, plane + 4u);
    exit_by(5u, plane + 5u);
    exit_by(6u, plane + 6u);
    exit_by(7u, plane + 7u);
}

// The e-th output.
fn output_at(e: u32) -> u32 {
    return output(e / (OUT_HEIGHT * OUT_WIDTH), e / OUT_WIDTH % OUT_HEIGHT, e % OUT_WIDTH);
}

fn exit_at(e: u32) -> vec4<f32> {
    return exits[e / (OUT_HEIGHT * OUT_WIDTH)];
}

// Four outputs from the e-th on, as they are stored. other: what is added.
fn quad_at(e: u32, other: vec4<u32>) -> vec4<u32> {
    let bits = vec4(output_at(e), output_at(e + 1u), output_at(e + 2u), output_at(e + 3u));
    if (!(NUMBERS || OUT_AFFINE || OUT_SKIP || OUT_RELU)) { return bits; }
    var y = bitcast<vec4<f32>>(bits);
    if (!NUMBERS) { y = number(bits); }
    if (OUT_AFFINE) {
        let f = transpose(mat4x4(exit_at(e), exit_at(e + 1u), exit_at(e + 2u), exit_at(e + 3u)));
        y = ((y - f[3]) - f[0]) * f[1] + f[2];
    }
    if (OUT_SKIP) { y += number(other); }
    if (OUT_RELU) { y = rectified(y); }
    return bits_of(y);
}

// What is added to the lane of eight or four outputs.
fn other_of(lane: u32) -> Octet {
    if (!OUT_SKIP) { return Octet(); }
    if (HALF) { return widened(skip[lane]); }
    return Octet(skip[lane], vec4(0u));
}

fn store_lane(first: u32, i: u32) {
    if (i >= MADE || first + i >= params.lanes) { return; }
    let lane = y_at(first + i);
    let other = other_of(lane);
    let left = quad_at(PER_LANE * i, other.left);
    if (HALF) {
        y[lane] = narrowed(Octet(left, quad_at(PER_LANE * i + 4u, other.right)));
    } else {
        y[lane] = left;
    }
}

fn store_16(first: u32, i: u32) {
    if (i >= MADE) { return; }
    store_lane(first, i + 0u);
    store_lane(first, i + 1u);
    store_lane(first, i + 2u);
    store_lane(first, i + 3u);
    store_lane(first, i + 4u);
    store_lane(first, i + 5u);
    store_lane(first, i + 6u);
    store_lane(first, i + 7u);
    store_lane(first, i + 8u);
    store_lane(first, i + 9u);
    store_lane(first, i + 10u);
    store_lane(first, i + 11u);
    store_lane(first, i + 12u);
    store_lane(first, i + 13u);
    store_lane(first, i + 14u);
    store_lane(first, i + 15u);
}
