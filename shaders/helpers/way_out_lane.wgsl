// What a kernel does to elements of a lane of one channel before it stores them: an affine function, then what is in
// helpers/way_out_lanes.wgsl.
//
// Of the kernel: `way_out`, (mean, scale, shift, pivot) of each channel; `channel`, that of the lane.

override OUT_AFFINE: bool = false;

// Bits of elements, which stay as they are if nothing is to be done. other: what is added.
fn done(bits: vec4<u32>, other: vec4<u32>) -> vec4<u32> {
    if (!OUT_AFFINE && !OUT_SKIP && !OUT_RELU) { return bits; }
    if (!OUT_AFFINE) { return finished(number(bits), other); }
    let f = way_out[channel];
    return finished(((number(bits) - f.w) - f.x) * f.y + f.z, other);
}
