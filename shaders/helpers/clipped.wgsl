// Elements of one axis of a window: x = within the padded input, y = within the input.
fn clipped(position: u32, stride: u32, kernel: u32, padding: u32, extent: u32) -> vec2<i32> {
    let start = i32(position * stride) - i32(padding);
    let end = min(start + i32(kernel), i32(extent + padding));
    return vec2(end - start, max(min(end, i32(extent)) - max(start, 0), 0));
}
