// The pooling windows of a thread, in up to three spatial dimensions: helpers/walk.wgsl over the slices of a window.
// plane: of the output, whose slices are planes of their own.

fn pool(plane: u32, row: u32, column: u32) {
    if (ROLL) {
        roll_down(plane, Place(plane, 0u, row * ROWS, column), ROWS);
        return;
    }
    let place = Place(plane / params.output_d, plane % params.output_d, row, column);
    for (var kd = 0u; kd < KD; kd++) {
        let d = i32(place.depth * SD + kd * DD) - i32(PD);
        let in_depth = d >= 0 && d < i32(params.input_d);
        walk(place.plane * params.input_d + u32(clamp(d, 0, i32(params.input_d) - 1)), in_depth, place);
    }
    finish(place);
}
