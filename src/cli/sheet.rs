//! Contact sheets of feature maps.

use image::{GrayImage, Luma};
use std::path::Path;
use wgcnn::{Error, Result, Tensor};

/// Pixels between maps.
const GAP: usize = 6;

/// Writes the maps of [1, C, H, W] in rows of four, each stretched from its smallest value (black) to its largest
/// (white).
pub(super) fn write(path: &Path, tensor: &Tensor) -> Result<()> {
    let [_, channels, height, width] = tensor.shape() else {
        return Err(Error::Shape {
            node: "contact sheet".to_owned(),
            expected: "f32 [1, C, H, W]".to_owned(),
            got: tensor.ty().to_string(),
        });
    };
    let (columns, rows) = ((*channels).min(4), channels.div_ceil(4));
    let extent =
        |count: usize, size: usize| u32::try_from(count * (size + GAP) + GAP).unwrap_or(u32::MAX);
    let mut sheet =
        GrayImage::from_pixel(extent(columns, *width), extent(rows, *height), Luma([96]));
    let maps = tensor.as_f32().unwrap_or_default().chunks(height * width);
    for (index, map) in maps.enumerate() {
        let origin = (extent(index % 4, *width), extent(index / 4, *height));
        draw(&mut sheet, origin, map, *width);
    }
    sheet.save(path).map_err(|error| Error::Io {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })
}

fn draw(sheet: &mut GrayImage, origin: (u32, u32), map: &[f32], width: usize) {
    let low = map.iter().copied().fold(f32::INFINITY, f32::min);
    let high = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = if high > low { high - low } else { 1.0 };
    for (y, row) in (origin.1..).zip(map.chunks(width)) {
        for (x, value) in (origin.0..).zip(row) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast of a float saturates"
            )]
            let grey = ((value - low) / range * 255.0) as u8;
            sheet.put_pixel(x, y, Luma([grey]));
        }
    }
}
