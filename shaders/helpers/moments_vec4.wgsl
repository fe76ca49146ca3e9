// Merges the four components of a lane.

fn merge_columns(count: f32, mean: vec4<f32>, m2: vec4<f32>) -> Moments {
    let front = merge(Moments(count, mean.x, m2.x), Moments(count, mean.y, m2.y));
    let back = merge(Moments(count, mean.z, m2.z), Moments(count, mean.w, m2.w));
    return merge(front, back);
}
