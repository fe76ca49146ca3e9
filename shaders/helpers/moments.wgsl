// Moments of a sample, and how two samples merge.
//
//   delta = b.mean - a.mean,  mean = a.mean + delta nb / n,  m2 = a.m2 + b.m2 + delta^2 na nb / n
//
// Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).

struct Moments {
    count: f32,
    mean: f32, // of x - pivot
    m2: f32,   // sum of squared deviations from the mean
}

var<workgroup> merging: array<Moments, 64>;

fn merge(a: Moments, b: Moments) -> Moments {
    let count = a.count + b.count;
    let fraction = select(b.count / count, 0.0, count == 0.0);
    let delta = b.mean - a.mean;
    // Infinite means stay infinite, and opposite large ones finite; interpolation would make the former NaN and the
    // latter infinite. The m2 of an infinite mean is NaN already. Told by the bits, which no compiler takes for a number.
    let finite = (bitcast<u32>(delta) & 0x7f800000u) != 0x7f800000u;
    let mean = select(a.mean * (1.0 - fraction) + b.mean * fraction, a.mean + delta * fraction, finite);
    return Moments(count, mean, a.m2 + b.m2 + delta * a.count * fraction * delta);
}

// Merges eight neighbours in order.
fn merge_eight(first: u32, stride: u32) -> Moments {
    var all = merging[first];
    for (var i = 1u; i < 8u; i++) {
        all = merge(all, merging[first + i * stride]);
    }
    return all;
}

// Merges the moments of all 64 threads, in one fixed order: eight threads eight each, then one theirs. The result is in
// thread 0. Few barriers: on some devices one costs as much as the merging.
fn merge_workgroup(thread: u32, own: Moments) -> Moments {
    merging[thread] = own;
    workgroupBarrier();
    if (thread < 8u) {
        merging[thread * 8u] = merge_eight(thread * 8u, 1u);
    }
    workgroupBarrier();
    if (thread == 0u) {
        return merge_eight(0u, 8u);
    }
    return own;
}
