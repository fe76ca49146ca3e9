// Picture to network input: interleaved bytes to planar normalised floats.
//
//   y[n, c, i] = results[c, x[n, i, c]],  results[c, b] = (b / 255 - mean[c]) / std[c]
//
// Grid: x = PIXELS neighbours, z = pictures, and groups of EACH channels.
// Numerics: exact; the results are computed on the host, one rounding per operation as PyTorch does. Another one in
// f16 storage.
// Source: torchvision.transforms.ToTensor, Normalize.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override CHANNELS: u32; // at most 4
override PIXELS: u32;   // of a thread: 8; where loads are cheap a lane of them or, where planes begin within lanes, one
override WORDS: bool;   // the bytes of a thread begin at a word
override EACH: u32;     // channels of a thread: all, or one

struct Params {
    origin: vec3<u32>, // first workgroup
    x_base: u32,       // lanes of x and y that are before what is bound
    y_base: u32,
    pictures: u32,     // N
    pixels: u32,       // of a picture, H W
    last_lane: u32,    // of the input
}

@group(0) @binding(0) var<storage, read> x: array<u32>;        // [pictures, H W, CHANNELS] bytes, four a word
@group(0) @binding(1) var<storage, read> results: array<u32>;  // [CHANNELS, 256], bits as storage.wgsl has them
@group(0) @binding(2) var<storage, read> way_out: array<vec4<f32>>; // [CHANNELS], helpers/way_out.wgsl
@group(0) @binding(3) var<storage, read> skip: array<vec4<u32>>;    // as y
@group(0) @binding(4) var<storage, read_write> y: array<Out>;  // [pictures, CHANNELS, H W]
@group(0) @binding(5) var<uniform> params: Params;

var<private> words: array<u32, 8>; // of the bytes of its pixels

// Four bytes that begin anywhere; behind the last byte that is bound, any value.
fn word_at(first: u32, last: u32) -> u32 {
    let low = x[4u * x_at(0u) + (min(first, last) >> 2u)];
    if (WORDS) { return low; }
    let shift = (first & 3u) * 8u;
    let high = x[4u * x_at(0u) + (min(first + 3u, last) >> 2u)];
    return select((low >> shift) | (high << ((32u - shift) & 31u)), low, shift == 0u);
}

fn byte(channel: u32, pixel: u32) -> u32 {
    let at = channel + pixel * CHANNELS;
    return extractBits(words[at >> 2u], (at & 3u) * 8u, 8u);
}

// The results of four neighbouring pixels.
fn results_of(channel: u32, first: u32) -> vec4<u32> {
    if (PIXELS == 1u) { return vec4(results[channel * 256u + byte(channel, first)], 0u, 0u, 0u); }
    let bytes = vec4(byte(channel, first), byte(channel, first + 1u), byte(channel, first + 2u), byte(channel, first + 3u));
    let at = settled(channel * 256u + bytes);
    return vec4(results[at.x], results[at.y], results[at.z], results[at.w]);
}

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let pixel = id.x * PIXELS;
    let picture = id.z * EACH / CHANNELS;
    if (pixel >= params.pixels || id.y > 0u || picture >= params.pictures) { return; }
    let first = (picture * params.pixels + pixel) * CHANNELS;
    let last = params.last_lane * 16u + 15u;
    for (var i = 0u; i < 8u; i++) {
        if (4u * i < PIXELS * CHANNELS) { words[i] = word_at(first + 4u * i, last); }
    }
    for (var i = 0u; i < EACH; i++) {
        let plane = id.z * EACH + i;
        let channel = plane % CHANNELS;
        var octet = Octet(results_of(channel, 0u), vec4(0u));
        if (PIXELS > 4u) { octet.right = results_of(channel, 4u); }
        store_elements(plane * params.pixels + pixel, min(PIXELS, params.pixels - pixel), channel, octet);
    }
}
