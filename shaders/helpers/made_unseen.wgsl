// Of what a kernel makes, nobody asks for the moments: see helpers/made_moments.wgsl.

struct Made {
    plane: u32,
    workgroup: vec3<u32>,
    thread: u32,
}

fn see(f: u32, count: u32, left: vec4<f32>, right: vec4<f32>) {}

fn hand_over(f: u32, has: bool, channel: u32, made: Made) {}
