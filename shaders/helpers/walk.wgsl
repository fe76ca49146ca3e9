// The walk of a thread over its windows: COLUMNS neighbours in each of ROWS output rows. It loads the stretch of each
// input row that the windows share once, from the first row to the last, and every window takes what belongs to it, in its
// own order. What belongs to which is known at compile time, since the first rows are written out.
//
// Where windows are so long that a stretch would not fit into registers (LONG), there is none: the elements of each tap
// are loaded one by one, as a stretch of one tap.
//
// Of the kernel: `admit`, which takes the stretch of a row; `join`, which gives a row to the windows of an output row.

override LONG: bool;
override BORDER: bool; // windows reach beyond the input row
override SPREAD: u32 = select(SW, 1u, LONG);  // of neighbouring windows in the stretch
override TAPS: u32 = select(KW, 1u, LONG);    // of a window in the stretch
override LENGTH: u32 = LEAD + (COLUMNS - 1u) * SPREAD + (TAPS - 1u) * DW + 1u;
override INPUT_ROWS: u32 = (ROWS - 1u) * SH + KH;

// Where the four elements of a quad of the stretch lie along the input row. kw: the tap, if LONG.
fn positions(column: u32, quad: u32, kw: u32) -> vec4<i32> {
    let at = vec4<i32>(vec4(0u, 1u, 2u, 3u) + 4u * quad);
    if (LONG) {
        return (i32(column) + at) * i32(SW) + i32(kw * DW) - i32(PW);
    }
    return i32(column * SW) + at - i32(PW + LEAD);
}

// Which of them are elements of the input.
fn inside(column: u32, quad: u32, kw: u32, within: bool) -> vec4<bool> {
    if (!BORDER) {
        return vec4(within);
    }
    let at = positions(column, quad, kw);
    return (at >= vec4(0)) & (at < vec4(i32(params.input_w))) & vec4(within);
}

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

fn walk_row(slice: u32, in_depth: bool, height: u32, column: u32, i: u32) {
    if (i >= INPUT_ROWS) { return; }
    let h = i32(height * SH + i * DH) - i32(PH);
    // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
    let within = in_depth && h >= 0 && h < i32(params.input_h);
    let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
    if (LONG) {
        for (var kw = 0u; kw < KW; kw += 4u) {
            walk_tap(row, within, column, i, kw);
            walk_tap(row, within, column, i, kw + 1u);
            walk_tap(row, within, column, i, kw + 2u);
            walk_tap(row, within, column, i, kw + 3u);
        }
        return;
    }
    load_stretch(i32(row + column * SW) - i32(PW + LEAD));
    admit(column, 0u, within);
    for (var r = 0u; r < 4u; r++) {
        let tap = i32(i) - i32(r * SH);
        if (r < ROWS && tap >= 0 && tap < i32(KH)) { join(r, u32(tap), 0u); }
    }
}

// Walks over a slice of the input, for the output rows from `height` on.
fn walk(slice: u32, in_depth: bool, height: u32, column: u32) {
    walk_row(slice, in_depth, height, column, 0u);
    walk_row(slice, in_depth, height, column, 1u);
    walk_row(slice, in_depth, height, column, 2u);
    walk_row(slice, in_depth, height, column, 3u);
    walk_row(slice, in_depth, height, column, 4u);
    walk_row(slice, in_depth, height, column, 5u);
    walk_row(slice, in_depth, height, column, 6u);
    walk_row(slice, in_depth, height, column, 7u);
    walk_row(slice, in_depth, height, column, 8u);
    for (var i = 9u; i < INPUT_ROWS; i++) {
        walk_row(slice, in_depth, height, column, i);
    }
}
