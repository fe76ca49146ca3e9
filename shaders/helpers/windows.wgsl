// Windows that slide over input rows, COLUMNS neighbours a thread: the stretch of a row that they share, and what of it is
// in the input.
//
// Where windows are so long that a stretch would not fit into registers (LONG), there is none: the elements of each tap
// are loaded one by one, as a stretch of one tap.
//
// Of the kernel: `admit`, which takes the stretch of a row.

override LONG: bool;
override BORDER: bool;   // windows reach beyond the input row
override BORDER_H: bool; // or beyond its columns
override SAFE: u32;      // so many elements of a stretch are in or before the row, whichever windows it is of
override SPREAD: u32 = select(SW, 1u, LONG);  // of neighbouring windows in the stretch
override TAPS: u32 = select(KW, 1u, LONG);    // of a window in the stretch
override SPAN: u32 = LEAD + (COLUMNS - 1u) * SPREAD + (TAPS - 1u) * DW + 1u; // of the stretch
override TAKEN: u32 = (SPAN + 3u) / 4u;       // quads of it
// A nearest-neighbour interpolation on the way in: each element of the input is repeated so often along a row, each row so
// often. The stretch begins BEHIND the first of the repetitions of an element.
override UP_W: u32 = 1u;
override UP_H: u32 = 1u;
override BEHIND: u32 = (UP_W - (PW + LEAD) % UP_W) % UP_W;
override LENGTH: u32 = (BEHIND + SPAN + UP_W - 1u) / UP_W; // elements that are loaded

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
    // What is known of a quad is not looked at: those of a stretch that no padding is before, or behind.
    let at = positions(column, quad, kw);
    var inside = vec4(within);
    if (LONG || 4u * quad < PW + LEAD) { inside = inside & (at >= vec4(0)); }
    if (LONG || 4u * quad + 4u > SAFE) { inside = inside & (at < vec4(i32(params.input_w))); }
    return inside;
}

// Which element of the input is element e of the stretch.
fn repeated(e: u32) -> u32 {
    let source = (e + BEHIND) / UP_W;
    return stretch[source >> 2u][source & 3u];
}

fn repeat_quad(quad: u32) {
    if (quad < TAKEN) {
        let e = 4u * quad;
        stretch[quad] = vec4(repeated(e), repeated(e + 1u), repeated(e + 2u), repeated(e + 3u));
    }
}

// Repeats what is loaded, from the last element on: its source is never behind it.
fn repeat_stretch() {
    repeat_quad(7u);
    repeat_quad(6u);
    repeat_quad(5u);
    repeat_quad(4u);
    repeat_quad(3u);
    repeat_quad(2u);
    repeat_quad(1u);
    repeat_quad(0u);
}

// Loads the i-th input row from the first one of a window on.
fn load_row(slice: u32, in_depth: bool, place: Place, i: u32) {
    let h = i32(place.height * SH + i * DH) - i32(PH);
    // A row in the padding is replaced by one of the input, and its elements are not taken: cheaper than a branch.
    let within = in_depth && (!BORDER_H || (h >= 0 && h < i32(params.input_h)));
    let height = u32(clamp(h, 0, i32(params.input_h) - 1)) / UP_H;
    let row = (slice * (params.input_h / UP_H) + height) * (params.input_w / UP_W);
    load_stretch(i32(row + place.column * SW / UP_W) - i32((PW + LEAD + UP_W - 1u) / UP_W));
    if (UP_W > 1u) { repeat_stretch(); }
    admit(place.column, 0u, within);
}
