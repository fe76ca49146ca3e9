// Nobody asks for the moments of what conv_shared.wgsl makes: see helpers/shared_moments.wgsl.

fn see(f: u32, count: u32, octet: Octet) {}

fn hand_over(place: Place, part: u32, local: vec3<u32>, index: u32) {}
