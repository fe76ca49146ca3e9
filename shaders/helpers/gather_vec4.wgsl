// Any four elements of an input row that begins on a 16-byte boundary and holds a multiple of four elements. Sources
// ascend: where they are known to lie in one lane, or two neighbours, the lanes are loaded and not the elements.

fn element(row: u32, column: u32) -> f32 {
    return x[(row + column) >> 2u][column & 3u];
}

fn gather4(row: u32, columns: vec4<u32>) -> vec4<f32> {
    if (REACH > 2u) {
        return vec4(element(row, columns.x), element(row, columns.y), element(row, columns.z), element(row, columns.w));
    }
    let low = x[(row + columns.x) >> 2u];
    let near = vec4(low[columns.x & 3u], low[columns.y & 3u], low[columns.z & 3u], low[columns.w & 3u]);
    if (REACH == 1u) {
        return near;
    }
    let high = x[(row + columns.w) >> 2u];
    let far = vec4(high[columns.x & 3u], high[columns.y & 3u], high[columns.z & 3u], high[columns.w & 3u]);
    return select(near, far, (columns >> vec4(2u)) != vec4(columns.x >> 2u));
}
