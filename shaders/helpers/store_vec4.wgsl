// Four neighbours of an output row that begins on a 16-byte boundary and holds a multiple of four elements.

alias Out = vec4<f32>;

fn store4(row: u32, column: u32, value: vec4<f32>) {
    y[(row + column) >> 2u] = value;
}
