// Windows that slide over input rows, COLUMNS neighbours a thread: the stretch of a row that they share, and what of it is
// in the input.
//
// Where windows are so long that a stretch would not fit into registers (LONG), there is none: the elements of each tap
// are loaded one by one, as a stretch of one tap.
//
// Of the kernel: `admit`, which takes the stretch of a row.

override LONG: bool;
override BORDER: bool; // windows reach beyond the input row
override SPREAD: u32 = select(SW, 1u, LONG);  // of neighbouring windows in the stretch
override TAPS: u32 = select(KW, 1u, LONG);    // of a window in the stretch
override LENGTH: u32 = LEAD + (COLUMNS - 1u) * SPREAD + (TAPS - 1u) * DW + 1u;

// A window: the first of a row of them, of which a thread has COLUMNS.
struct Place {
    plane: u32,
    depth: u32,
    height: u32,
    column: u32,
}

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

// Loads the i-th input row from the first one of a window on.
fn load_row(slice: u32, in_depth: bool, place: Place, i: u32) {
    let h = i32(place.height * SH + i * DH) - i32(PH);
    // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
    let within = in_depth && h >= 0 && h < i32(params.input_h);
    let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
    load_stretch(i32(row + place.column * SW) - i32(PW + LEAD));
    admit(place.column, 0u, within);
}
