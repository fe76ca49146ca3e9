// Four neighbours of an input row, wherever it begins.

fn in_row(first: i32) -> vec4<bool> {
    let at = vec4(first) + vec4(0, 1, 2, 3);
    return (at >= vec4(0)) & (at < vec4(i32(params.input_w)));
}

fn load1(row: u32, at: i32) -> f32 {
    return x[row + u32(clamp(at, 0, i32(params.input_w) - 1))];
}

// Elements outside the row are any value.
fn load4(row: u32, first: i32) -> vec4<f32> {
    let at = clamp(vec4(first) + vec4(0, 1, 2, 3), vec4(0), vec4(i32(params.input_w) - 1));
    let i = vec4(row) + vec4<u32>(at);
    return vec4(x[i.x], x[i.y], x[i.z], x[i.w]);
}
