// Stores the outputs of held planes, at most 256 lanes of a thread: helpers/held.wgsl.

fn release(plane: u32) {
    let first = plane / PLANES * MADE;
    store_16(first, 0u);
    store_16(first, 16u);
    store_16(first, 32u);
    store_16(first, 48u);
    store_16(first, 64u);
    store_16(first, 80u);
    store_16(first, 96u);
    store_16(first, 112u);
    store_16(first, 128u);
    store_16(first, 144u);
    store_16(first, 160u);
    store_16(first, 176u);
    store_16(first, 192u);
    store_16(first, 208u);
    store_16(first, 224u);
    store_16(first, 240u);
}
