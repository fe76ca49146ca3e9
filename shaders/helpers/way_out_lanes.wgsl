// What a kernel does to numbers of a whole lane, which may be of several channels, before it stores them: the sum with another
// tensor, ReLU.
//
// Of the kernel: `skip`, the other tensor.

override OUT_SKIP: bool = false;
override OUT_RELU: bool = false;

fn skip_lane(lane: u32) -> vec4<u32> {
    if (OUT_SKIP) { return skip[y_at(lane)]; }
    return vec4(0u);
}

// Bits of results, behind the way out. other: what is added.
fn finished(result: vec4<f32>, other: vec4<u32>) -> vec4<u32> {
    var y = result;
    if (OUT_SKIP) { y += number(other); }
    if (OUT_RELU) { y = rectified(y); }
    return bits_of(y);
}
