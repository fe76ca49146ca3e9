// What a kernel does to its results before it stores them: an affine function of their channel, the sum with another
// tensor, ReLU.
//
// Of the kernel: `way_out`, (mean, scale, shift, pivot) of each channel of the output; `skip`, the other tensor.

override OUT_AFFINE: bool = false;
override OUT_SKIP: bool = false;
override OUT_RELU: bool = false;

// Bits of the first `count` of eight neighbours of an output row, behind the way out.
fn finished8(at: u32, count: u32, channel: u32, left: vec4<f32>, right: vec4<f32>) -> Octet {
    var a = left;
    var b = right;
    if (OUT_AFFINE) {
        let f = way_out[channel];
        a = ((a - f.w) - f.x) * f.y + f.z;
        b = ((b - f.w) - f.x) * f.y + f.z;
    }
    if (OUT_SKIP) {
        let other = skip8(at, count);
        a += number(other.left);
        b += number(other.right);
    }
    if (OUT_RELU) {
        a = rectified(a);
        b = rectified(b);
    }
    return Octet(bits_of(a), bits_of(b));
}

// Stores them.
fn store_numbers(at: u32, count: u32, channel: u32, left: vec4<f32>, right: vec4<f32>) {
    store8(at, count, finished8(at, count, channel, left, right));
}

// The same of elements, which stay as they are if nothing is to be done.
fn store_elements(at: u32, count: u32, channel: u32, octet: Octet) {
    if (OUT_AFFINE || OUT_SKIP || OUT_RELU) {
        store_numbers(at, count, channel, number(octet.left), number(octet.right));
    } else {
        store8(at, count, octet);
    }
}
