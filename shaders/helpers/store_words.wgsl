// Stores eight neighbours of an output row of f32, the first `count` of them, wherever it begins.

alias Out = u32;

fn skip_word(at: u32) -> u32 {
    return skip[y_at(at >> 2u)][at & 3u];
}

fn skip8(at: u32, count: u32) -> Octet {
    var octet = Octet();
    octet.left.x = skip_word(at);
    if (count > 1u) { octet.left.y = skip_word(at + 1u); }
    if (count > 2u) { octet.left.z = skip_word(at + 2u); }
    if (count > 3u) { octet.left.w = skip_word(at + 3u); }
    if (count > 4u) { octet.right.x = skip_word(at + 4u); }
    if (count > 5u) { octet.right.y = skip_word(at + 5u); }
    if (count > 6u) { octet.right.z = skip_word(at + 6u); }
    if (count > 7u) { octet.right.w = skip_word(at + 7u); }
    return octet;
}

fn store8(at: u32, count: u32, octet: Octet) {
    let to = 4u * y_at(0u) + at;
    y[to] = octet.left.x;
    if (count > 1u) { y[to + 1u] = octet.left.y; }
    if (count > 2u) { y[to + 2u] = octet.left.z; }
    if (count > 3u) { y[to + 3u] = octet.left.w; }
    if (count > 4u) { y[to + 4u] = octet.right.x; }
    if (count > 5u) { y[to + 5u] = octet.right.y; }
    if (count > 6u) { y[to + 6u] = octet.right.z; }
    if (count > 7u) { y[to + 7u] = octet.right.w; }
}
