// Functions of channels on both ways, from tables: helpers/functions.wgsl.
//
// Of the kernel: `way_in`, `way_out`.

override OUT_AFFINE: bool = false;

fn functions_of(channel: u32) -> Functions {
    var functions = Functions(identity(), identity());
    if (IN_AFFINE) { functions.entry = affine(way_in[channel]); }
    if (OUT_AFFINE) { functions.own = affine(way_out[channel]); }
    return functions;
}
