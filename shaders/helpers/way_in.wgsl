// The way in of a kernel whose input has channels: helpers/entered.wgsl. Padding comes behind it.
//
// Of the kernel: `way_in`, (mean, scale, shift, pivot) of each channel of the input.

fn enter_channel(channel: u32) {
    if (IN_AFFINE) { entry = way_in[channel]; }
}
