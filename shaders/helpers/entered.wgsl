// What a kernel does to numbers of its input as it takes them: an affine function of their channel, then ReLU.

override IN_AFFINE: bool = false;
override IN_RELU: bool = false;

var<private> entry: vec4<f32>; // (mean, scale, shift, pivot) of the present channel

fn entered(x: vec4<f32>) -> vec4<f32> {
    var y = x;
    if (IN_AFFINE) { y = ((y - entry.w) - entry.x) * entry.y + entry.z; }
    if (IN_RELU) { y = rectified(y); }
    return y;
}
