// Elements in registers and in memory. Memory holds lanes of 16 bytes: four f32 or, with HALF, eight f16. In a register
// an element is a word with the bits of its type at the top, so that what moves or compares elements is one text for
// both types, and works on bits, which no compiler rounds, flushes or takes for something else than a NaN.

override HALF: bool;
override PER_LANE: u32 = 4u + 4u * u32(HALF); // elements of a lane
override SLICED: bool = false; // a part is bound of the tensors x and y; else every index would cost a subtraction

// Where a lane of the tensor x is in what is bound of it.
fn x_at(lane: u32) -> u32 {
    if (SLICED) { return lane - params.x_base; }
    return lane;
}

fn y_at(lane: u32) -> u32 {
    if (SLICED) { return lane - params.y_base; }
    return lane;
}

// Eight elements.
struct Octet {
    left: vec4<u32>,
    right: vec4<u32>,
}

// The bits of minus infinity; what is above them is a NaN with the sign set.
fn negative_infinity() -> u32 {
    return select(0xff800000u, 0xfc000000u, HALF);
}

// The eight f16 of a lane.
fn widened(lane: vec4<u32>) -> Octet {
    let even = lane << vec4(16u);
    let odd = lane & vec4(0xffff0000u);
    return Octet(vec4(even.x, odd.x, even.y, odd.y), vec4(even.z, odd.z, even.w, odd.w));
}

// The same bits, by a choice whose other side never is: no dispatch begins so far. Mesa's software driver loads and
// stores in a loop over the threads of a register, and moves arithmetic with constants that an index or a stored word ends in
// into that loop, where it is done one by one; a choice it leaves where it is. Packing two f16 to a word is such arithmetic.
fn settled(word: vec4<u32>) -> vec4<u32> {
    return select(word, vec4(0u), vec4(params.origin.x == 0xffffffffu));
}

// A lane of eight f16. What is below the top half of a word is dropped.
fn narrowed(octet: Octet) -> vec4<u32> {
    let even = vec4(octet.left.xz, octet.right.xz);
    let odd = vec4(octet.left.yw, octet.right.yw);
    return settled((even >> vec4(16u)) | (odd & vec4(0xffff0000u)));
}

fn half_number(bits: u32) -> f32 {
    return unpack2x16float(bits >> 16u).x;
}

// The bits of element `at`, of the word that has it.
fn element_in(word: u32, at: u32) -> u32 {
    if (HALF) { return select(word << 16u, word & 0xffff0000u, (at & 1u) == 1u); }
    return word;
}

// The numbers that bits stand for.
fn number(bits: vec4<u32>) -> vec4<f32> {
    if (HALF) {
        return vec4(half_number(bits.x), half_number(bits.y), half_number(bits.z), half_number(bits.w));
    }
    return bitcast<vec4<f32>>(bits);
}

// The bits of the nearest f16, ties to even: pack2x16float() may round in either direction, and does not say what
// becomes of numbers that are too large.
fn half_bits(number: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(number);
    let size = bits & vec4(0x7fffffffu);
    // The exponent moves from a bias of 127 to one of 15; half a unit is added at the 13 bits that go, less if the unit is even.
    let normal = size + ((size >> vec4(13u)) & vec4(1u)) + vec4(0xc8000fffu);
    let finite = min(normal, vec4(0x0f800000u)) << vec4(3u);
    // Below the normal f16, 0.5 + size has the units of the subnormal ones in its last place.
    let tiny = (bitcast<vec4<u32>>(bitcast<vec4<f32>>(size) + 0.5) - vec4(0x3f000000u)) << vec4(16u);
    let rounded = select(finite, tiny, size < vec4(0x38800000u));
    return select(rounded, vec4(0x7e000000u), size > vec4(0x7f800000u)) | (bits & vec4(0x80000000u));
}

// The bits that storage keeps of numbers. Below those of an f16 there may be others.
fn bits_of(number: vec4<f32>) -> vec4<u32> {
    if (HALF) {
        return half_bits(number);
    }
    return bitcast<vec4<u32>>(number);
}
