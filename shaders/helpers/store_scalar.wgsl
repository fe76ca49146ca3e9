// Four neighbours of an output row, wherever it begins; those behind its end are left out.

alias Out = f32;

fn store4(row: u32, column: u32, value: vec4<f32>) {
    let at = row + column;
    let left = params.output_w - column;
    y[at] = value.x;
    if (left > 1u) { y[at + 1u] = value.y; }
    if (left > 2u) { y[at + 2u] = value.z; }
    if (left > 3u) { y[at + 3u] = value.w; }
}
