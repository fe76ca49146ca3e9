// The walk of a thread over its pooling windows: COLUMNS neighbours of an output row, up to three spatial dimensions.
//
// It loads the stretch of each input row that the windows share, four elements at a time, and every window takes the
// elements that belong to it, in its own order. Which they are is known at compile time, since the first rows and
// segments are written out: not every compiler unrolls a loop of this length.
//
// Of the kernel: `Windows`, what is known of four windows; `EMPTY`, before their first element; `Elements`, four loaded
// ones, which `admit` makes of those that are in the input, and of which `take` gives one to the windows.

// The windows of a thread; without `right` if COLUMNS is 4.
struct Pooled {
    left: Windows,
    right: Windows,
}

// To which of four windows, the first of them at column `first` of the thread, an element of the stretch belongs.
fn belongs(element: u32, first: u32) -> vec4<bool> {
    let column = vec4(0, 1, 2, 3) + i32(first);
    let tap = vec4(i32(element) - i32(LEAD)) - column * i32(SW);
    return (tap >= vec4(0)) & (tap < vec4(i32(KW * DW))) & (tap % vec4(i32(DW)) == vec4(0));
}

fn pool_segment(pooled: Pooled, row: u32, within: bool, column: u32, segment: u32) -> Pooled {
    let inside = in_row(segment_start(column, segment)) & vec4(within);
    let elements = admit(load_segment(row, column, segment), inside);
    var left = pooled.left;
    var right = pooled.right;
    for (var i = 0u; i < 4u; i++) {
        left = take(left, elements, i, belongs(segment * 4u + i, 0u));
        right = take(right, elements, i, belongs(segment * 4u + i, 4u));
    }
    return Pooled(left, right);
}

fn pool_row(pooled: Pooled, slice: u32, in_depth: bool, height: u32, column: u32, kh: u32) -> Pooled {
    let h = i32(height * SH + kh * DH) - i32(PH);
    // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
    let within = in_depth && h >= 0 && h < i32(params.input_h);
    let row = (slice * params.input_h + u32(clamp(h, 0, i32(params.input_h) - 1))) * params.input_w;
    var next = pool_segment(pooled, row, within, column, 0u);
    if (SEGMENTS > 1u) { next = pool_segment(next, row, within, column, 1u); }
    if (SEGMENTS > 2u) { next = pool_segment(next, row, within, column, 2u); }
    if (SEGMENTS > 3u) { next = pool_segment(next, row, within, column, 3u); }
    if (SEGMENTS > 4u) { next = pool_segment(next, row, within, column, 4u); }
    for (var segment = 5u; segment < SEGMENTS; segment++) {
        next = pool_segment(next, row, within, column, segment);
    }
    return next;
}

fn pool(plane: u32, depth: u32, height: u32, column: u32) -> Pooled {
    var pooled = Pooled(EMPTY, EMPTY);
    for (var kd = 0u; kd < KD; kd++) {
        let d = i32(depth * SD + kd * DD) - i32(PD);
        let in_depth = d >= 0 && d < i32(params.input_d);
        let slice = plane * params.input_d + u32(clamp(d, 0, i32(params.input_d) - 1));
        pooled = pool_row(pooled, slice, in_depth, height, column, 0u);
        if (KH > 1u) { pooled = pool_row(pooled, slice, in_depth, height, column, 1u); }
        if (KH > 2u) { pooled = pool_row(pooled, slice, in_depth, height, column, 2u); }
        for (var kh = 3u; kh < KH; kh++) {
            pooled = pool_row(pooled, slice, in_depth, height, column, kh);
        }
    }
    return pooled;
}
