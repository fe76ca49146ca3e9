// A function `f` of each element between a way in and a way out:
//
//   in   v = (x - mean[c]) * scale[c] + bias[c], if IN_AFFINE; max(v, 0), if IN_RELU
//   out  y = (f(v) - mean[c]) * scale[c] + bias[c], if OUT_AFFINE; y + skip, if OUT_SKIP; max(y, 0), if OUT_RELU
//
// Grid: x = lanes that begin in a plane, PER_THREAD for each thread, y = channels, z = pictures; where planes are SMALL, x = lanes of
// a picture, z = pictures, PICTURES for each thread: helpers/planes.wgsl. Without an affine function all is one plane.
//
// Of the kernel: `f`, of four numbers, and `term_lane`, what it has of another tensor; COMPUTES, whether it needs numbers, or else
// RELU, whether it is that; `x`, `way_in`, `way_out`, `skip`, `y`, `params`.

override NUMBERS: bool = COMPUTES || IN_AFFINE || OUT_AFFINE || OUT_SKIP; // else bits are chosen

fn apply(bits: vec4<u32>, term: vec4<u32>, added: vec4<u32>, functions: FourFunctions) -> vec4<u32> {
    if (!NUMBERS) {
        // Above -0.0, the bits of negative numbers end with those of -inf; the NaNs lie above.
        let negative = (bits > vec4(0x80000000u)) & (bits <= vec4(negative_infinity()));
        return select(bits, vec4(0u), negative & vec4(RELU || IN_RELU || OUT_RELU));
    }
    var v = f(entered(number(bits), functions.entry), term);
    if (OUT_AFFINE) { v = applied(v, functions.own); }
    return finished(v, added);
}

fn apply_lane(at: u32, functions: LaneFunctions) {
    let lane = x[x_at(at)];
    let term = term_lane(at);
    let added = skip_lane(at);
    if (HALF) {
        let octet = widened(lane);
        let terms = widened(term);
        let skips = widened(added);
        let left = apply(octet.left, terms.left, skips.left, functions.left);
        y[y_at(at)] = narrowed(Octet(left, apply(octet.right, terms.right, skips.right, functions.right)));
    } else {
        y[y_at(at)] = apply(lane, term, added, functions.left);
    }
}
