// A thread rolls down some output rows of small windows (helpers/windows.wgsl): it loads each row of the input once, gives it
// to the OPEN output rows that it belongs to, and stores the first of them when it is whole. Which rows belong to which is
// known at compile time, and written out: a loop of one turn is not free, and what is indexed in one is not in registers.
//
// Of the kernel: `join`, which gives a row to the windows of an open output row; `finish`, which stores the first open row;
// `next`, which makes the second open row the first.

override OPEN: u32 = (KH + SH - 1u) / SH;          // output rows that an input row belongs to, at most 5
override AHEAD: u32 = select(0u, KH - SH, KH > SH); // input rows of the first output row before those of its own stride

// Loads an input row and gives it to the open output rows.
fn roll(slice: u32, place: Place, i: u32) {
    load_row(slice, true, place, i);
    if (i < KH) { join(0u, i, 0u); }
    if (OPEN > 1u && i >= SH && i - SH < KH) { join(1u, i - SH, 0u); }
    if (OPEN > 2u && i >= 2u * SH && i - 2u * SH < KH) { join(2u, i - 2u * SH, 0u); }
    if (OPEN > 3u && i >= 3u * SH && i - 3u * SH < KH) { join(3u, i - 3u * SH, 0u); }
    if (OPEN > 4u && i >= 4u * SH && i - 4u * SH < KH) { join(4u, i - 4u * SH, 0u); }
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
