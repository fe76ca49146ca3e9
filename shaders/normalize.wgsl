// Picture to network input: interleaved bytes to planar normalised floats.
//
//   y[n, c, i] = results[c, x[n, i, c]],  results[c, b] = (b / 255 - mean[c]) / std[c]
//
// Grid: x = four neighbouring pixels, z = pictures.
// Numerics: exact; the results are computed on the host, one rounding per operation as PyTorch does.
// Source: torchvision.transforms.ToTensor, Normalize.

override WX: u32 = 256u;
override WY: u32 = 1u;
override WZ: u32 = 1u;
override CHANNELS: u32; // at most 4

struct Params {
    origin: vec3<u32>, // first workgroup
    pictures: u32,     // N
    output_w: u32,     // pixels of a picture, H W
}

@group(0) @binding(0) var<storage, read> x: array<u32>;        // [pictures, H W, CHANNELS] bytes, four a word
@group(0) @binding(1) var<storage, read> results: array<f32>;  // [CHANNELS, 256]
@group(0) @binding(2) var<storage, read_write> y: array<Out>;  // [pictures, CHANNELS, H W]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WX, WY, WZ)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let id = (workgroup + params.origin) * vec3(WX, WY, WZ) + local;
    let pixel = id.x * 4u;
    if (pixel >= params.output_w || id.y > 0u || id.z >= params.pictures) { return; }
    // The CHANNELS words of four pixels, loaded before anything is stored.
    let first = (id.z * params.output_w + pixel) * CHANNELS;
    let last = params.pictures * params.output_w * CHANNELS - 1u;
    var words: array<u32, 4>;
    for (var i = 0u; i < 4u; i++) {
        if (i < CHANNELS) { words[i] = word_at(first + 4u * i, last); }
    }
    for (var channel = 0u; channel < CHANNELS; channel++) {
        var value: vec4<f32>;
        for (var i = 0u; i < 4u; i++) {
            let byte = channel + i * CHANNELS;
            value[i] = results[channel * 256u + extractBits(words[byte >> 2u], (byte & 3u) * 8u, 8u)];
        }
        store4((id.z * CHANNELS + channel) * params.output_w, pixel, value);
    }
}
