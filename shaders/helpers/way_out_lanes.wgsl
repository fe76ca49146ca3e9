// What a kernel does to a whole lane of elements, which may be of several channels, before it stores it: the sum with another
// tensor, ReLU.
//
// Of the kernel: `skip`, the other tensor; `y`.

override OUT_SKIP: bool = false;
override OUT_RELU: bool = false;

fn finished(bits: vec4<u32>, other: vec4<u32>) -> vec4<u32> {
    if (!OUT_SKIP && !OUT_RELU) { return bits; }
    var result = number(bits);
    if (OUT_SKIP) { result += number(other); }
    if (OUT_RELU) { result = rectified(result); }
    return bits_of(result);
}

fn skip_lane(lane: u32) -> vec4<u32> {
    if (OUT_SKIP) { return skip[y_at(lane)]; }
    return vec4(0u);
}

fn store_lane(lane: u32, octet: Octet) {
    let other = skip_lane(lane);
    if (HALF) {
        let others = widened(other);
        y[y_at(lane)] = narrowed(Octet(finished(octet.left, others.left), finished(octet.right, others.right)));
    } else {
        y[y_at(lane)] = finished(octet.left, other);
    }
}
