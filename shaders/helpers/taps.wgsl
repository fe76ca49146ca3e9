// Adds taps of a filter to its sums: helpers/tile.wgsl, of what helpers/values.wgsl has taken.

// Adds what tap kw meets, times its weight.
fn add_tap(sum: Sums, kw: u32, weight: f32) -> Sums {
    if (kw >= KW) { return sum; }
    let left = fma(vec4(weight), tap(kw, 0u), sum.left);
    if (COLUMNS > 4u) { return Sums(left, fma(vec4(weight), tap(kw, 4u), sum.right)); }
    return Sums(left, sum.right);
}
