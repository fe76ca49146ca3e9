// Four bytes that begin at a word.

fn word_at(first: u32, last: u32) -> u32 {
    return x[first >> 2u];
}
