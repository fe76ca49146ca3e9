// ReLU of numbers, decided on their bits, because a compiler may assume that no NaN exists: NaN passes through, -0.0 stays.

fn rectified(x: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(x);
    let negative = (bits > vec4(0x80000000u)) & (bits <= vec4(0xff800000u));
    return bitcast<vec4<f32>>(select(bits, vec4(0u), negative));
}
