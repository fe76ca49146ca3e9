// A lane of 4 bytes, for rows that do not begin on 16-byte boundaries.

alias Lane = f32;

fn first_of(lane: Lane) -> f32 {
    return lane;
}
