// The walk of a thread over its windows, COLUMNS neighbours in some output rows. It loads the stretch of an input row that
// the windows share, and they take what belongs to them, in their own order.
//
// Where windows are small, the thread rolls down the rows: it loads each row of the input once, gives it to the OPEN
// output rows that it belongs to, and stores the first of them when it is whole. Which rows belong to which is known at
// compile time, and written out: a loop of one turn is not free, and what is indexed in one is not in registers.
//
// Where windows are so long that a stretch would not fit into registers (LONG), there is none: the elements of each tap
// are loaded one by one, as a stretch of one tap.
//
// Of the kernel: `admit`, which takes the stretch of a row; `join`, which gives it to the windows of an open output row;
// `finish`, which stores the first open row; `next`, which makes the second open row the first.

override LONG: bool;
override BORDER: bool; // windows reach beyond the input row
override SPREAD: u32 = select(SW, 1u, LONG);  // of neighbouring windows in the stretch
override TAPS: u32 = select(KW, 1u, LONG);    // of a window in the stretch
override LENGTH: u32 = LEAD + (COLUMNS - 1u) * SPREAD + (TAPS - 1u) * DW + 1u;
override OPEN: u32 = (KH + SH - 1u) / SH;          // output rows that an input row belongs to, at most 4
override AHEAD: u32 = select(0u, KH - SH, KH > SH); // input rows of the first output row before those of its own stride

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
    if (ALIGNED) {
        // The quad begins at a multiple of four, and the row ends at one: all of it is inside, or nothing.
        let first = i32(column * SW + 4u * quad) - i32(PW + LEAD);
        return vec4(within && first >= 0 && first < i32(params.input_w));
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

// Loads the i-th input row from the first one of a window on.
fn load_row(slice: u32, in_depth: bool, place: Place, i: u32) {
    let h = i32(place.height * SH + i * DH) - i32(PH);
    // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
    let within = in_depth && h >= 0 && h < i32(params.input_h);
    let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
    load_stretch(i32(row + place.column * SW) - i32(PW + LEAD));
    admit(place.column, 0u, within);
}

// Loads an input row and gives it to the open output rows.
fn roll(slice: u32, place: Place, i: u32) {
    load_row(slice, true, place, i);
    if (i < KH) { join(0u, i, 0u); }
    if (OPEN > 1u && i >= SH && i - SH < KH) { join(1u, i - SH, 0u); }
    if (OPEN > 2u && i >= 2u * SH && i - 2u * SH < KH) { join(2u, i - 2u * SH, 0u); }
    if (OPEN > 3u && i >= 3u * SH && i - 3u * SH < KH) { join(3u, i - 3u * SH, 0u); }
}

// Rolls down `rows` output rows from a place on.
fn roll_down(slice: u32, first: Place, rows: u32) {
    if (AHEAD > 0u) { roll(slice, first, 0u); }
    if (AHEAD > 1u) { roll(slice, first, 1u); }
    if (AHEAD > 2u) { roll(slice, first, 2u); }
    if (AHEAD > 3u) { roll(slice, first, 3u); }
    if (AHEAD > 4u) { roll(slice, first, 4u); }
    let end = min(first.height + rows, params.output_h);
    for (var height = first.height; height < end; height++) {
        let place = Place(first.plane, first.depth, height, first.column);
        roll(slice, place, AHEAD);
        if (AHEAD + 1u < KH) { roll(slice, place, AHEAD + 1u); }
        if (AHEAD + 2u < KH) { roll(slice, place, AHEAD + 2u); }
        if (AHEAD + 3u < KH) { roll(slice, place, AHEAD + 3u); }
        if (AHEAD + 4u < KH) { roll(slice, place, AHEAD + 4u); }
        finish(place);
        next();
    }
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
