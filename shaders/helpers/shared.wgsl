// What a row of the filters meets in several output rows of a thread: helpers/values.wgsl. Where they read the same input rows
// (SHARED), these are loaded once: what output row r + 1 meets in a row of the filters, output row r meets SH rows later.
//
// Of the kernel: ROWS, 2 or 4.

override SHARED: bool = SH <= 2u && DH == 1u;

// What the present row of the filters meets in each output row, and, with stride 2, what the next one does.
var<private> met: array<array<vec4<f32>, 8>, 4>;
var<private> next: array<array<vec4<f32>, 8>, 4>;

// Loads what row kh of the filters meets in output row r.
fn meet(r: u32, slice: u32, place: Place, kh: u32) {
    if (r >= ROWS) { return; }
    load_row(slice, true, Place(place.plane, place.depth, place.height + r, place.column), kh);
    met[r] = values;
}

// Loads what the first rows of the filters meet in all output rows but the last.
fn meet_before(r: u32, slice: u32, place: Place) {
    if (r + 1u >= ROWS) { return; }
    if (SH == 2u) {
        meet(r, slice, place, 1u);
        next[r] = values;
    }
    meet(r, slice, place, 0u);
}

// What the next row of the filters meets in all output rows but the last.
fn advance() {
    let front = met;
    if (SH == 2u) { met = next; }
    advance_row(0u, front[1]);
    if (ROWS > 2u) {
        advance_row(1u, front[2]);
        advance_row(2u, front[3]);
    }
}

fn advance_row(r: u32, behind: array<vec4<f32>, 8>) {
    if (SH == 2u) { next[r] = behind; } else { met[r] = behind; }
}

// Before the first row of the filters, in an input channel.
fn enter_rows(slice: u32, place: Place) {
    if (!SHARED) { return; }
    meet_before(0u, slice, place);
    meet_before(1u, slice, place);
    meet_before(2u, slice, place);
}

// Before row kh of the filters.
fn next_row(slice: u32, place: Place, kh: u32) {
    if (SHARED) {
        meet(ROWS - 1u, slice, place, kh);
        return;
    }
    meet(0u, slice, place, kh);
    meet(1u, slice, place, kh);
    meet(2u, slice, place, kh);
    meet(3u, slice, place, kh);
}

// Behind a row of the filters.
fn leave_row() {
    if (SHARED) { advance(); }
}
