// A lane of 16 bytes: four neighbouring elements of a row that begins on a 16-byte boundary.

alias Lane = vec4<f32>;

fn first_of(lane: Lane) -> f32 {
    return lane.x;
}
