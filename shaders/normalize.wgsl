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
override CHANNELS: u32;

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
    let first = (id.z * params.output_w + pixel) * CHANNELS;
    let last = params.pictures * params.output_w * CHANNELS - 1u;
    for (var channel = 0u; channel < CHANNELS; channel++) {
        let table = channel * 256u;
        let value = vec4(
            results[table + byte_at(first, channel, last)],
            results[table + byte_at(first, channel + CHANNELS, last)],
            results[table + byte_at(first, channel + 2u * CHANNELS, last)],
            results[table + byte_at(first, channel + 3u * CHANNELS, last)],
        );
        store4((id.z * CHANNELS + channel) * params.output_w, pixel, value);
    }
}
