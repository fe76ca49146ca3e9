// Elements are compared by their keys, integers in the order of the floats from which the bits come back: -0.0 is just
// below 0.0, and every NaN above infinity, those with a sign turned around from below -inf. Behind a way in they are those
// of numbers, and what is stored in the end is rounded: the largest of the rounded ones.

override NUMBERS: bool = IN_AFFINE || IN_RELU;

// The key of -inf: what is not below any element.
const LOWEST = -0x7fffffffi - 1i;

// The key of -0.0 before keys are turned, -1: its bits but the sign are 0.
const NEGATIVE_ZERO = -1i;

// How far keys are turned.
fn turn() -> i32 {
    return i32(0x7fffffffu - (select(negative_infinity(), 0xff800000u, NUMBERS) & 0x7fffffffu));
}

fn key(bits: vec4<u32>) -> vec4<i32> {
    let signed = bitcast<vec4<i32>>(bits);
    return (signed ^ ((signed >> vec4(31u)) & vec4(0x7fffffffi))) - turn();
}

fn bits_of_key(key: vec4<i32>) -> vec4<u32> {
    let signed = key + turn();
    return bitcast<vec4<u32>>(signed ^ ((signed >> vec4(31u)) & vec4(0x7fffffffi)));
}

// The better of two, the first of equals: 0.0 is not above -0.0.
fn better4(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
    let zero = vec4(-turn());
    let at_least = select(a, zero, a == zero - 1i);
    return select(a, b, b > at_least);
}
