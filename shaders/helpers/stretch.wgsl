// The stretch of an input row that the windows of COLUMNS neighbouring output columns share, in segments of four elements.
// It begins LEAD elements before the first window, so that segments lie on 16-byte boundaries where rows do.

override LENGTH: u32 = LEAD + (COLUMNS - 1u) * SW + (KW - 1u) * DW + 1u;

fn segment_start(column: u32, segment: u32) -> i32 {
    return i32(column * SW + segment * 4u) - i32(PW + LEAD);
}

// Elements outside the row, or of no window, are any value. Of the first and the last segment often one element is in a
// window: then one is loaded.
fn load_segment(row: u32, column: u32, segment: u32) -> vec4<f32> {
    let first = segment_start(column, segment);
    if (segment == 0u && LEAD == 3u) {
        return vec4(0.0, 0.0, 0.0, load1(row, first + 3));
    }
    if (segment * 4u + 1u == LENGTH) {
        return vec4(load1(row, first), 0.0, 0.0, 0.0);
    }
    return load4(row, first);
}
