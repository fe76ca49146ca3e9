// Windows over held planes: helpers/held.wgsl.
//
// Of the kernel: `begin_row` and `end_row` around the taps of a row of a window; `meet`, which takes what a tap meets;
// `meet_padding`, where that is no element. Rows that windows share are the same text, and computed once.

override KH: u32; override KW: u32; // kernel, at most 3 x 3
override SH: u32; override SW: u32; // stride
override PH: u32; override PW: u32; // padding before
override DH: u32; override DW: u32; // dilation

// row, column: counted from the padding on.
fn tap(p: u32, row: u32, column: u32, kh: u32, kw: u32) {
    if (kw >= KW) { return; }
    if (row >= PH && row < PH + HEIGHT && column >= PW && column < PW + WIDTH) {
        meet(p, kh, kw, element_of(p, row - PH, column - PW));
    } else {
        meet_padding(p, kh, kw);
    }
}

fn walk_row(p: u32, row: u32, column: u32, kh: u32) {
    if (kh >= KH) { return; }
    begin_row();
    tap(p, row, column, kh, 0u);
    tap(p, row, column + DW, kh, 1u);
    tap(p, row, column + 2u * DW, kh, 2u);
    end_row();
}

// Walks over the window of the output in row h and column w of plane p.
fn walk(p: u32, h: u32, w: u32) {
    walk_row(p, h * SH, w * SW, 0u);
    walk_row(p, h * SH + DH, w * SW, 1u);
    walk_row(p, h * SH + 2u * DH, w * SW, 2u);
}
