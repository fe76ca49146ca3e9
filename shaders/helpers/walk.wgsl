// A thread walks over the rows of any windows of one output row (helpers/windows.wgsl).
//
// Of the kernel: `join`, which gives a row, or a tap of it, to the windows.

// The elements of one tap, outside the row any of the row.
fn gather(row: u32, column: u32, kw: u32) {
    let end = vec4(i32(params.input_w) - 1);
    let left = vec4(row) + vec4<u32>(clamp(positions(column, 0u, kw), vec4(0), end));
    let right = vec4(row) + vec4<u32>(clamp(positions(column, 1u, kw), vec4(0), end));
    stretch[0].x = element(left.x);
    if (COLUMNS > 1u) { stretch[0] = vec4(stretch[0].x, element(left.y), element(left.z), element(left.w)); }
    if (COLUMNS > 4u) { stretch[1] = vec4(element(right.x), element(right.y), element(right.z), element(right.w)); }
}

fn walk_tap(row: u32, within: bool, column: u32, kh: u32, kw: u32) {
    if (kw >= KW) { return; }
    gather(row, column, kw);
    admit(column, kw, within);
    join(0u, kh, kw);
}

// Walks over the rows of a slice of the windows of one output row.
fn walk(slice: u32, in_depth: bool, place: Place) {
    for (var kh = 0u; kh < KH; kh++) {
        if (!LONG) {
            load_row(slice, in_depth, place, kh);
            join(0u, kh, 0u);
            continue;
        }
        let h = i32(place.height * SH + kh * DH) - i32(PH);
        let within = in_depth && h >= 0 && h < i32(params.input_h);
        let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
        for (var kw = 0u; kw < KW; kw += 4u) {
            walk_tap(row, within, place.column, kh, kw);
            walk_tap(row, within, place.column, kh, kw + 1u);
            walk_tap(row, within, place.column, kh, kw + 2u);
            walk_tap(row, within, place.column, kh, kw + 3u);
        }
    }
}
