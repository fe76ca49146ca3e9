// Elements of the filters as the graph has them, in storage.

fn weight_at(at: u32) -> f32 {
    if (HALF) { return unpack2x16float(weight[at >> 1u])[at & 1u]; }
    return bitcast<f32>(weight[at]);
}
