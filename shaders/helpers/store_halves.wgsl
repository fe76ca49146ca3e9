// Stores eight neighbours of an output row of f16, the first `count` of them, wherever it begins. Two of them are a word;
// one that two threads share is stored half by half, atomically, so that neither loses the other's.

alias Out = atomic<u32>;

override EVEN: bool; // rows begin at words and end at words: no word is shared

fn skip_half(at: u32, i: u32, count: u32) -> u32 {
    if (i >= count) { return 0u; }
    let word = skip[y_at((at + i) >> 3u)][((at + i) >> 1u) & 3u];
    return select(word << 16u, word & 0xffff0000u, ((at + i) & 1u) == 1u);
}

fn skip8(at: u32, count: u32) -> Octet {
    let left = vec4(skip_half(at, 0u, count), skip_half(at, 1u, count), skip_half(at, 2u, count), skip_half(at, 3u, count));
    let right = vec4(skip_half(at, 4u, count), skip_half(at, 5u, count), skip_half(at, 6u, count), skip_half(at, 7u, count));
    return Octet(left, right);
}

fn store_word(at: u32, word: u32, has_low: bool, has_high: bool) {
    if (has_low && (EVEN || has_high)) {
        atomicStore(&y[at], word);
    } else if (!EVEN && (has_low || has_high)) {
        let own = select(0xffff0000u, 0xffffu, has_low);
        atomicAnd(&y[at], ~own);
        atomicOr(&y[at], word & own);
    }
}

fn store8(at: u32, count: u32, octet: Octet) {
    let even = vec4(octet.left.xz, octet.right.xz);
    let odd = vec4(octet.left.yw, octet.right.yw);
    // From an odd place on, the first element is the upper half of a word.
    let ahead = select(at & 1u, 0u, EVEN);
    let low = select(even, vec4(0u, odd.xyz), ahead == 1u);
    let high = select(odd, even, ahead == 1u);
    let words = settled((low >> vec4(16u)) | (high & vec4(0xffff0000u)));
    let end = count + ahead;
    let word = 4u * y_at(0u) + (at >> 1u);
    store_word(word, words.x, ahead == 0u, end > 1u);
    store_word(word + 1u, words.y, end > 2u, end > 3u);
    store_word(word + 2u, words.z, end > 4u, end > 5u);
    store_word(word + 3u, words.w, end > 6u, end > 7u);
    if (!EVEN) { store_word(word + 4u, odd.w >> 16u, end > 8u, false); }
}
