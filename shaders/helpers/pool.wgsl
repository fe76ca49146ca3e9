// The pooling windows of a thread, in up to three spatial dimensions: helpers/walk.wgsl over the slices of a window.

fn pool(plane: u32, depth: u32, height: u32, column: u32) {
    for (var kd = 0u; kd < KD; kd++) {
        let d = i32(depth * SD + kd * DD) - i32(PD);
        let in_depth = d >= 0 && d < i32(params.input_d);
        walk(plane * params.input_d + u32(clamp(d, 0, i32(params.input_d) - 1)), in_depth, height, column);
    }
}
