// The sums of a thread of conv_shared.wgsl: eight filters at twice four pixels. All is written out: what is indexed in a loop may not be
// in registers.

// Of a filter, at four pixels and four more.
struct Product {
    left: vec4<f32>,
    right: vec4<f32>,
}

var<private> sums: array<Product, 8>; // of each filter

fn add(f: u32, weight: f32, left: vec4<f32>, right: vec4<f32>) {
    sums[f].left = fma(vec4(weight), left, sums[f].left);
    sums[f].right = fma(vec4(weight), right, sums[f].right);
}

// Adds a tap of a step to the sums of a thread, whose filters and pixels are in these fours.
fn add_tap(tap: u32, four: u32, fours: vec2<u32>) {
    let w = weights[tap * (TILE / 4u) + four];
    let v = weights[tap * (TILE / 4u) + four + 1u];
    let left = met[tap * 32u + fours.x];
    let right = met[tap * 32u + fours.y];
    add(0u, w.x, left, right);
    add(1u, w.y, left, right);
    add(2u, w.z, left, right);
    add(3u, w.w, left, right);
    add(4u, v.x, left, right);
    add(5u, v.y, left, right);
    add(6u, v.z, left, right);
    add(7u, v.w, left, right);
}

// Stores some neighbours, eight at most, of the thread's filter f.
fn store(place: Place, within: u32, f: u32, four: u32, left: vec4<f32>, right: vec4<f32>, most: u32) {
    let plane = params.output_h * params.output_w;
    let at = place.pixel + 4u * four;
    var picture = place.picture;
    var own = at;
    if (FLAT) {
        picture = at / plane;
        own = at % plane;
    }
    if (own >= plane || picture >= params.batch) { return; }
    let filter_index = place.tile / TILES * FILTERS + within;
    let to = (picture * GROUPS * FILTERS + filter_index) * plane + own;
    let count = min(most, plane - own);
    let octet = finished8(to, count, filter_index, left, right);
    store8(to, count, octet);
    see(f, count, octet);
}

fn store_filter(place: Place, first: u32, f: u32, fours: vec2<u32>) {
    let within = first + f;
    if (within >= FILTERS) { return; }
    let offset = bias_at(place.tile / TILES * FILTERS + within);
    let left = sums[f].left + offset;
    let right = sums[f].right + offset;
    if (HALF) {
        store(place, within, f, fours.x, left, right, 8u);
    } else {
        store(place, within, f, fours.x, left, left, 4u);
        store(place, within, f, fours.y, right, right, 4u);
    }
}
