// Moments of eight neighbours that a kernel makes, as they are stored: helpers/moments.wgsl, helpers/storage.wgsl.

// The first of them, from which deviations are taken; 0 if that is not finite.
fn pivot_in(octet: Octet) -> f32 {
    let first = number(octet.left).x;
    let finite = (bitcast<u32>(first) & 0x7f800000u) != 0x7f800000u;
    return select(0.0, first, finite);
}

fn sum4(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

// Of the first `count` of them, less the pivot.
fn sample(count: u32, octet: Octet, pivot: f32) -> Moments {
    let in_left = vec4(0u, 1u, 2u, 3u) < vec4(count);
    let in_right = vec4(4u, 5u, 6u, 7u) < vec4(count);
    let d = select(vec4(0.0), number(octet.left) - pivot, in_left);
    let e = select(vec4(0.0), number(octet.right) - pivot, in_right);
    let mean = sum4(d + e) / f32(count);
    let left_rest = select(vec4(0.0), d - mean, in_left);
    let right_rest = select(vec4(0.0), e - mean, in_right);
    return Moments(f32(count), mean, sum4(fma(left_rest, left_rest, right_rest * right_rest)));
}
