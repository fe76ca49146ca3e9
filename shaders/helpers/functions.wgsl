// Functions of the channels of planes, which may begin within a lane: what is behind the end of a plane is of the next channels.
//
// Of the kernel: `params`; `functions_of`, those of a channel.

// Planes that a lane may reach into: 1 where all begin at lanes, 2, or 3 for more where they are shorter than a lane.
override REACH: u32;
override IN_AFFINE: bool = false;
override IN_RELU: bool = false;

// y = ((x - pivot) - center) * scale + shift
struct Affine {
    pivot: f32,
    center: f32,
    scale: f32,
    shift: f32,
}

// Of a channel: on the way in, and the kernel's own.
struct Functions {
    entry: Affine,
    own: Affine,
}

// The functions of four neighbours.
struct Affines {
    pivot: vec4<f32>,
    center: vec4<f32>,
    scale: vec4<f32>,
    shift: vec4<f32>,
}

struct FourFunctions {
    entry: Affines,
    own: Affines,
}

// Of a lane; without HALF, `left` is all of it.
struct LaneFunctions {
    left: FourFunctions,
    right: FourFunctions,
}

fn identity() -> Affine {
    return Affine(0.0, 0.0, 1.0, 0.0);
}

// Of a table of batch_norm_affine.wgsl or batch_norm_statistics.wgsl.
fn affine(f: vec4<f32>) -> Affine {
    return Affine(f.w, f.x, f.y, f.z);
}

fn applied(x: vec4<f32>, f: Affines) -> vec4<f32> {
    return ((x - f.pivot) - f.center) * f.scale + f.shift;
}

fn entered(x: vec4<f32>, entry: Affines) -> vec4<f32> {
    var v = x;
    if (IN_AFFINE) { v = applied(v, entry); }
    if (IN_RELU) { v = rectified(v); }
    return v;
}

fn four(f: Affine) -> Affines {
    return Affines(vec4(f.pivot), vec4(f.center), vec4(f.scale), vec4(f.shift));
}

fn everywhere(f: Functions) -> FourFunctions {
    return FourFunctions(four(f.entry), four(f.own));
}

fn chosen(f: Affine, next: Affine, own: vec4<bool>) -> Affines {
    let pivot = select(vec4(next.pivot), vec4(f.pivot), own);
    let center = select(vec4(next.center), vec4(f.center), own);
    let scale = select(vec4(next.scale), vec4(f.scale), own);
    return Affines(pivot, center, scale, select(vec4(next.shift), vec4(f.shift), own));
}

// Of four elements from `place` of a plane on, of which those behind its end are of the next channel.
fn across(f: Functions, next: Functions, place: u32) -> FourFunctions {
    let own = vec4(0u, 1u, 2u, 3u) + place < vec4(params.plane);
    return FourFunctions(chosen(f.entry, next.entry, own), chosen(f.own, next.own, own));
}

fn with_element(all: Affines, i: u32, f: Affine) -> Affines {
    let only = vec4(0u, 1u, 2u, 3u) == vec4(i);
    let pivot = select(all.pivot, vec4(f.pivot), only);
    let center = select(all.center, vec4(f.center), only);
    let scale = select(all.scale, vec4(f.scale), only);
    return Affines(pivot, center, scale, select(all.shift, vec4(f.shift), only));
}

// Of four elements, of which the first has this place from the beginning of a plane of `channel` on.
fn each(channel: u32, place: u32) -> FourFunctions {
    var all: FourFunctions;
    for (var i = 0u; i < 4u; i++) {
        let f = functions_of((channel + (place + i) / params.plane) % params.channels);
        all.entry = with_element(all.entry, i, f.entry);
        all.own = with_element(all.own, i, f.own);
    }
    return all;
}

// Of a lane that begins at `place` in a plane of `channel`, whose functions are `f`.
fn of_lane(channel: u32, place: u32, f: Functions) -> LaneFunctions {
    if (REACH == 1u) { return LaneFunctions(everywhere(f), everywhere(f)); }
    let next = functions_of((channel + 1u) % params.channels);
    return LaneFunctions(across(f, next, place), across(f, next, place + 4u));
}
