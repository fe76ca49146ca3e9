// Moments of the four columns of quads of elements, from blocks of eight quads: helpers/moments.wgsl.
//
// Of the kernel: EDGES, whether quads reach beyond their plane; params.plane, its elements; `entered`, a number behind the way in.

// Moments of each of the four columns of the quads that a thread has seen.
struct Columns {
    count: vec4<f32>,
    mean: vec4<f32>,
    m2: vec4<f32>,
}

// Elements of a quad that belong to the channel, and their deviations from the pivot; 0 for the others.
struct Quad {
    valid: vec4<bool>,
    deviation: vec4<f32>,
}

// place: of the first element, in the plane.
fn quad(bits: vec4<u32>, place: i32, has: bool, pivot: f32) -> Quad {
    var valid = vec4(has);
    if (EDGES) {
        let at = vec4(place) + vec4(0, 1, 2, 3);
        valid = valid & (at >= vec4(0)) & (at < vec4(i32(params.plane)));
    }
    return Quad(valid, select(vec4(0.0), entered(number(bits)) - pivot, valid));
}

fn count(valid: vec4<bool>) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), valid);
}

fn squared(q: Quad, mean: vec4<f32>, sum: vec4<f32>) -> vec4<f32> {
    let d = select(vec4(0.0), q.deviation - mean, q.valid);
    return fma(d, d, sum);
}

// Merges a block of eight quads.
fn add_block(seen: Columns, q: array<Quad, 8>) -> Columns {
    let n = (count(q[0].valid) + count(q[1].valid)) + (count(q[2].valid) + count(q[3].valid))
        + (count(q[4].valid) + count(q[5].valid)) + (count(q[6].valid) + count(q[7].valid));
    let sum = (q[0].deviation + q[1].deviation) + (q[2].deviation + q[3].deviation)
        + (q[4].deviation + q[5].deviation) + (q[6].deviation + q[7].deviation);
    let mean = sum * (1.0 / max(n, vec4(1.0)));
    var m2 = squared(q[0], mean, vec4(0.0));
    m2 = squared(q[1], mean, m2);
    m2 = squared(q[2], mean, m2);
    m2 = squared(q[3], mean, m2);
    m2 = squared(q[4], mean, m2);
    m2 = squared(q[5], mean, m2);
    m2 = squared(q[6], mean, m2);
    m2 = squared(q[7], mean, m2);
    let count = seen.count + n;
    let fraction = n / max(count, vec4(1.0));
    let delta = mean - seen.mean;
    // As in merge.
    let finite = (bitcast<vec4<u32>>(delta) & vec4(0x7f800000u)) != vec4(0x7f800000u);
    let merged = select(seen.mean * (1.0 - fraction) + mean * fraction, seen.mean + delta * fraction, finite);
    return Columns(
        count,
        select(seen.mean, merged, n > vec4(0.0)),
        seen.m2 + m2 + delta * delta * (seen.count * fraction),
    );
}

fn merge_columns(seen: Columns) -> Moments {
    let front = merge(Moments(seen.count.x, seen.mean.x, seen.m2.x), Moments(seen.count.y, seen.mean.y, seen.m2.y));
    let back = merge(Moments(seen.count.z, seen.mean.z, seen.m2.z), Moments(seen.count.w, seen.mean.w, seen.m2.w));
    return merge(front, back);
}
