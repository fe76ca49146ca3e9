// A lane of results from a lane of elements. Of the kernel: `apply`, four results from four elements.

fn map(lane: vec4<u32>) -> vec4<u32> {
    if (HALF) {
        let x = widened(lane);
        return narrowed(Octet(apply(x.left), apply(x.right)));
    }
    return apply(lane);
}
