// Any four elements of an input row, wherever it begins.

fn gather4(row: u32, columns: vec4<u32>) -> vec4<f32> {
    let i = vec4(row) + columns;
    return vec4(x[i.x], x[i.y], x[i.z], x[i.w]);
}
