// The stretch of a row as numbers, behind the way in (helpers/way_in.wgsl), 0 outside the input: helpers/windows.wgsl.

var<private> values: array<vec4<f32>, 8>;

// What a tap meets in four windows, of which the first is `first`.
fn tap(tap: u32, first: u32) -> vec4<f32> {
    let e = vec4(LEAD + tap * DW) + (vec4(0u, 1u, 2u, 3u) + first) * SPREAD;
    let i = e & vec4(3u);
    let q = e >> vec4(2u);
    return vec4(values[q.x][i.x], values[q.y][i.y], values[q.z][i.z], values[q.w][i.w]);
}

fn take_quad(quad: u32, column: u32, kw: u32, within: bool) {
    if (quad < TAKEN) { values[quad] = select(vec4(0.0), entered(number(stretch[quad])), inside(column, quad, kw, within)); }
}

fn take_values(column: u32, kw: u32, within: bool) {
    take_quad(0u, column, kw, within);
    take_quad(1u, column, kw, within);
    take_quad(2u, column, kw, within);
    take_quad(3u, column, kw, within);
    take_quad(4u, column, kw, within);
    take_quad(5u, column, kw, within);
    take_quad(6u, column, kw, within);
    take_quad(7u, column, kw, within);
}
