// Elements of an input that begin anywhere, from whole lanes: helpers/storage.wgsl.
//
// Of the kernel: `x`, the input in lanes; LENGTH, how many neighbours a thread needs, at most 32; params.x_base and
// last_lane, the first and the last lane of what is bound.

override ALIGNED: bool;  // the neighbours begin at a lane: LEAD elements of it belong to no window
override LEAD: u32;
override LANES: u32 = (LENGTH + PER_LANE - 1u + (PER_LANE - 1u) * u32(!ALIGNED)) / PER_LANE;
override QUADS: u32 = (LENGTH + 3u) / 4u;

// The neighbours, four by four.
var<private> stretch: array<vec4<u32>, 11>;

fn keep_lane(index: u32, lane: vec4<u32>) {
    if (HALF) {
        let octet = widened(lane);
        stretch[2u * index] = octet.left;
        stretch[2u * index + 1u] = octet.right;
    } else {
        stretch[index] = lane;
    }
}

fn load_lane(first: i32, index: u32) {
    if (index >= LANES) { return; }
    // What lies outside the tensor, or what is bound of it, belongs to no window.
    let at = (first >> select(2u, 3u, HALF)) + i32(index);
    let lane = u32(clamp(i32(x_at(u32(at))), 0, i32(x_at(params.last_lane))));
    // Of the first and the last lane often one element is wanted: then one word is loaded.
    if (ALIGNED && index == 0u && LEAD == PER_LANE - 1u) {
        keep_lane(index, vec4(0u, 0u, 0u, x[lane].w));
    } else if (ALIGNED && index * PER_LANE + 1u == LENGTH) {
        keep_lane(index, vec4(x[lane].x, 0u, 0u, 0u));
    } else {
        keep_lane(index, x[lane]);
    }
}

// Moves a quad and its right neighbour to the left by two and by one.
fn shifted(left: vec4<u32>, right: vec4<u32>, by: u32) -> vec4<u32> {
    let two = (by & 2u) != 0u;
    let a = select(left, vec4(left.zw, right.xy), two);
    let next = select(right.x, right.z, two);
    return select(a, vec4(a.yzw, next), (by & 1u) != 0u);
}

fn skip_quad(quad: u32, by: u32) {
    if (HALF && quad <= QUADS) { stretch[quad] = select(stretch[quad], stretch[quad + 1u], (by & 4u) != 0u); }
}

fn shift_quad(quad: u32, by: u32) {
    if (quad < QUADS) { stretch[quad] = shifted(stretch[quad], stretch[quad + 1u], by & 3u); }
}

// Loads the LENGTH neighbours from element `first` of the input. Elements outside the input are any value.
fn load_stretch(first: i32) {
    // Written out: not every compiler unrolls a loop of this length.
    load_lane(first, 0u);
    load_lane(first, 1u);
    load_lane(first, 2u);
    load_lane(first, 3u);
    load_lane(first, 4u);
    load_lane(first, 5u);
    load_lane(first, 6u);
    load_lane(first, 7u);
    load_lane(first, 8u);
    if (ALIGNED) { return; }
    let by = u32(first) & (PER_LANE - 1u);
    skip_quad(0u, by);
    skip_quad(1u, by);
    skip_quad(2u, by);
    skip_quad(3u, by);
    skip_quad(4u, by);
    skip_quad(5u, by);
    skip_quad(6u, by);
    skip_quad(7u, by);
    skip_quad(8u, by);
    shift_quad(0u, by);
    shift_quad(1u, by);
    shift_quad(2u, by);
    shift_quad(3u, by);
    shift_quad(4u, by);
    shift_quad(5u, by);
    shift_quad(6u, by);
    shift_quad(7u, by);
}

// One element of the input.
fn element(at: u32) -> u32 {
    let lane = x_at(at / PER_LANE);
    if (HALF) { return element_in(x[lane][(at >> 1u) & 3u], at); }
    return x[lane][at & 3u];
}
