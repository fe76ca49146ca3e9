// The moments of a channel of the batch from those of its parts, what normalises by them, and what a run keeps of them.
//
// Of the kernel: `params`; `partials`, of batch_norm_moments.wgsl or batch_norm_merge.wgsl; `new_mean`, `new_variance`, `saved_mean`,
// `saved_invstd`.

// Merges eight partials of a channel, or those that are left, in order.
fn merge_part(channel: u32, eighth: u32) -> Moments {
    let end = min(eighth * 8u + 8u, params.parts);
    var all = Moments(0.0, 0.0, 0.0);
    for (var part = eighth * 8u; part < end; part++) {
        let next = partials[channel * params.parts + part];
        all = merge(all, Moments(next.x, next.y, next.z));
    }
    return all;
}

fn invstd(moments: Moments) -> f32 {
    return inverseSqrt(moments.m2 / max(moments.count, 1.0) + params.eps);
}

// Merges all of them, by one thread.
fn moments_of(channel: u32) -> Moments {
    var all = merge_part(channel, 0u);
    for (var eighth = 1u; eighth * 8u < params.parts; eighth++) {
        all = merge(all, merge_part(channel, eighth));
    }
    return all;
}

// (mean, scale, shift, pivot) of normalisation.
fn affine_of(channel: u32, moments: Moments) -> vec4<f32> {
    let given = partials[params.channels * params.parts + channel];
    return vec4(moments.mean, given.x * invstd(moments), given.y, partials[channel * params.parts].w);
}

fn update(channel: u32, moments: Moments) {
    let old = partials[params.channels * params.parts + channel].zw;
    let pivot = partials[channel * params.parts].w;
    let batch = vec2(moments.mean + pivot, moments.m2 / (moments.count - 1.0));
    let nobody = moments.count == 0.0;
    let updated = select(params.keep * old + params.momentum * batch, old, nobody);
    new_mean[channel] = updated.x;
    new_variance[channel] = updated.y;
    saved_mean[channel] = select(batch.x, 0.0, nobody);
    saved_invstd[channel] = invstd(moments);
}
