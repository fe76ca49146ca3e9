// Stores eight neighbours of an output row, the first `count` of them, where every row begins at a lane.

alias Out = vec4<u32>;

fn skip8(at: u32, count: u32) -> Octet {
    if (HALF) {
        return widened(skip[at >> 3u]);
    }
    let left = skip[at >> 2u];
    if (count > 4u) { return Octet(left, skip[(at >> 2u) + 1u]); }
    return Octet(left, left);
}

fn store8(at: u32, count: u32, octet: Octet) {
    if (HALF) {
        y[at >> 3u] = narrowed(octet);
        return;
    }
    y[at >> 2u] = octet.left;
    if (count > 4u) { y[(at >> 2u) + 1u] = octet.right; }
}
