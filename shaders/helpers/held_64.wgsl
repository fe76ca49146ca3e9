// Stores the outputs of held planes, at most 64 lanes of a thread: helpers/held.wgsl.

fn release(plane: u32) {
    let first = plane / PLANES * MADE;
    store_16(first, 0u);
    store_16(first, 16u);
    store_16(first, 32u);
    store_16(first, 48u);
}
