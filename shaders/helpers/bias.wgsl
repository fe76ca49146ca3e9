// Elements of a bias, in storage.

fn bias_at(at: u32) -> f32 {
    if (HALF) { return unpack2x16float(bias[at >> 1u])[at & 1u]; }
    return bitcast<f32>(bias[at]);
}
