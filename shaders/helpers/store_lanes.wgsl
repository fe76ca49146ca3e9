// Stores eight neighbours of an output row, the first `count` of them, where every row begins at a lane.

alias Out = vec4<u32>;

fn skip8(at: u32, count: u32) -> Octet {
    if (HALF) {
        return widened(skip[y_at(at >> 3u)]);
    }
    let lane = y_at(at >> 2u);
    let left = skip[lane];
    if (count > 4u) { return Octet(left, skip[lane + 1u]); }
    return Octet(left, left);
}

fn store8(at: u32, count: u32, octet: Octet) {
    if (HALF) {
        y[y_at(at >> 3u)] = narrowed(octet);
        return;
    }
    let lane = y_at(at >> 2u);
    y[lane] = octet.left;
    if (count > 4u) { y[lane + 1u] = octet.right; }
}
