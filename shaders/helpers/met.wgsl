// What a workgroup of a convolution loads: conv_shared.wgsl.

// What a workgroup makes.
struct Place {
    tile: u32,
    picture: u32,
    pixel: u32, // the first
}

// Four neighbours of the output: the first channel of their group in their picture, where the first tap of each is in it, and
// whether there are so many.
struct Pixels {
    slice: vec4<u32>,
    at: vec4<u32>, // where the first tap meets its first channel, though that be in the padding
    h: vec4<u32>,  // from there on, below 0 as u32 does
    w: vec4<u32>,
    within: vec4<bool>,
}

// Those from the `index`-th of a workgroup on.
fn pixels_of(place: Place, index: u32) -> Pixels {
    let plane = params.output_h * params.output_w;
    let at = vec4(0u, 1u, 2u, 3u) + place.pixel + index;
    var picture = vec4(place.picture);
    var own = at;
    if (FLAT) {
        picture = at / plane;
        own = at % plane;
    }
    let slice = (picture * GROUPS + place.tile / TILES) * CHANNELS;
    let h = own / params.output_w * SH - PH;
    let w = own % params.output_w * SW - PW;
    let start = (slice * params.input_h + h) * params.input_w + w;
    return Pixels(slice, start, h, w, (own < vec4(plane)) & (picture < vec4(params.batch)));
}

// What a tap meets at four pixels, behind the way in: 0 in the padding, and behind the last tap.
fn meet(pixels: Pixels, place: Place, tap: u32) -> vec4<f32> {
    let channel = min(tap / (KH * KW), CHANNELS - 1u);
    let below = tap / KW % KH * DH;
    let behind = tap % KW * DW;
    let h = pixels.h + below;
    let w = pixels.w + behind;
    let inside = pixels.within & (h < vec4(params.input_h)) & (w < vec4(params.input_w)) & vec4(tap < TAPS);
    var at = pixels.at + (channel * params.input_h + below) * params.input_w + behind;
    if (UP_H > 1u || UP_W > 1u) {
        at = ((pixels.slice + channel) * (params.input_h / UP_H) + h / UP_H) * (params.input_w / UP_W) + w / UP_W;
    }
    at = select(vec4(0u), at, inside);
    enter_channel(place.tile / TILES * CHANNELS + channel);
    let bits = vec4(element(at.x), element(at.y), element(at.z), element(at.w));
    return select(vec4(0.0), entered(number(bits)), inside);
}

// Four weights of a step from tap `first` on, the `index`-th four.
fn weigh(place: Place, first: u32, index: u32) -> vec4<f32> {
    let within = first + index / (TILE / 4u) < TAPS;
    let at = (place.tile * TAPS + first) * (TILE / 4u) + index;
    return select(vec4(0.0), packed[select(0u, at, within)], within);
}
