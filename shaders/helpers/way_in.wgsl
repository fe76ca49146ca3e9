// What a kernel does to the elements of its input as it takes them: an affine function of their channel, then ReLU. Padding
// comes behind it.
//
// Of the kernel: `way_in`, (mean, scale, shift, 0) of each channel of the input.

override IN_AFFINE: bool = false;
override IN_RELU: bool = false;

var<private> entry: vec4<f32>; // of the present channel

fn enter_channel(channel: u32) {
    if (IN_AFFINE) { entry = way_in[channel]; }
}

fn entered(x: vec4<f32>) -> vec4<f32> {
    var y = x;
    if (IN_AFFINE) { y = (y - entry.x) * entry.y + entry.z; }
    if (IN_RELU) { y = rectified(y); }
    return y;
}
