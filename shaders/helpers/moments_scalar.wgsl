// A lane has one component: nothing to merge.

fn merge_columns(count: f32, mean: f32, m2: f32) -> Moments {
    return Moments(count, mean, m2);
}
