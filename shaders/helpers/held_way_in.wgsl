// What is done to elements of held planes as they are taken: helpers/way_in.wgsl, helpers/held.wgsl.

override IN_AFFINE: bool = false;
override IN_RELU: bool = false;

var<private> entries: array<vec4<f32>, 8>; // way_in of the channel of each plane

fn enter_by(p: u32, channel: u32) {
    if (IN_AFFINE && p < PLANES) { entries[p] = way_in[channel % params.channels]; }
}

fn enter(plane: u32) {
    enter_by(0u, plane + 0u);
    enter_by(1u, plane + 1u);
    enter_by(2u, plane + 2u);
    enter_by(3u, plane + 3u);
    enter_by(4u, plane + 4u);
    enter_by(5u, plane + 5u);
    enter_by(6u, plane + 6u);
    enter_by(7u, plane + 7u);
}

fn entry_at(e: u32) -> vec4<f32> {
    return entries[e / (HEIGHT * WIDTH)];
}

// The numbers of four elements from the e-th on.
fn entered(e: u32, bits: vec4<u32>) -> vec4<f32> {
    var x = number(bits);
    if (IN_AFFINE) {
        let f = transpose(mat4x4(entry_at(e), entry_at(e + 1u), entry_at(e + 2u), entry_at(e + 3u)));
        x = ((x - f[3]) - f[0]) * f[1] + f[2];
    }
    if (IN_RELU) { x = rectified(x); }
    return x;
}
