// Stores a lane of elements, which stay as they are if nothing is to be done: helpers/way_out_lanes.wgsl.

fn left(bits: vec4<u32>, other: vec4<u32>) -> vec4<u32> {
    if (OUT_SKIP || OUT_RELU) { return finished(number(bits), other); }
    return bits;
}

fn store_lane(lane: u32, octet: Octet) {
    let other = skip_lane(lane);
    if (HALF) {
        let others = widened(other);
        y[y_at(lane)] = narrowed(Octet(left(octet.left, others.left), left(octet.right, others.right)));
    } else {
        y[y_at(lane)] = left(octet.left, other);
    }
}
