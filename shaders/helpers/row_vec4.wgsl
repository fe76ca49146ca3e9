// Four neighbours of an input row that begins on a 16-byte boundary and holds a multiple of four elements, at a
// position that is a multiple of four: they lie in the row together or not at all.

fn in_row(first: i32) -> vec4<bool> {
    return vec4(first >= 0 && first < i32(params.input_w));
}

fn load1(row: u32, at: i32) -> f32 {
    let i = row + u32(clamp(at, 0, i32(params.input_w) - 1));
    return x[i >> 2u][i & 3u];
}

// Elements outside the row are any value.
fn load4(row: u32, first: i32) -> vec4<f32> {
    return x[(row + u32(clamp(first, 0, i32(params.input_w) - 4))) >> 2u];
}
