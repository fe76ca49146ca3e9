//! Pictures in and out, for the command line.

use crate::error::{Error, Result};
use crate::tensor::{Data, Tensor};
use std::path::Path;

/// A photograph of a cat, 451 x 300, by Stefan van der Walt, CC0; as shipped with scikit-image.
const BUILT_IN: &[u8] = include_bytes!("../tests/data/chelsea.png");

/// The built-in photograph, u8 [300, 451, 3].
///
/// # Errors
/// [`Error::Picture`].
pub fn built_in() -> Result<Tensor> {
    decode(Path::new("built-in photograph"), BUILT_IN)
}

/// A picture file as u8 [H, W, 3].
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Picture`] if it is no picture.
pub fn load(path: &Path) -> Result<Tensor> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    // A device or a pipe may never end.
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() && !kind.is_dir() {
        return Err(Error::Picture {
            path: path.to_owned(),
            message: "a device or a pipe".to_owned(),
        });
    }
    decode(path, &std::fs::read(path).map_err(failed)?)
}

/// The picture, or a smaller one of the same proportions if it has more than `most` pixels: each is the mean of those that it
/// replaces.
#[must_use]
pub fn reduced(picture: Tensor, most: u32) -> Tensor {
    let extents = [1, 0].map(|axis| picture.shape().get(axis).copied().unwrap_or(0));
    let [width, height] = extents.map(|extent| u32::try_from(extent).unwrap_or(u32::MAX));
    let pixels = f64::from(width) * f64::from(height);
    if pixels <= f64::from(most) {
        return picture;
    }
    let bytes = picture.as_u8().unwrap_or_default().to_vec();
    let Some(full) = image::RgbImage::from_raw(width, height, bytes) else {
        return picture;
    };
    let scale = (f64::from(most) / pixels).sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "smaller than the extent"
    )]
    let [width, height] = [width, height].map(|extent| ((f64::from(extent) * scale) as u32).max(1));
    let small = image::imageops::thumbnail(&full, width, height);
    let shape = vec![height as usize, width as usize, 3];
    Tensor::dense(shape, Data::U8(small.into_raw()))
}

fn decode(path: &Path, bytes: &[u8]) -> Result<Tensor> {
    let picture = image::load_from_memory(bytes).map_err(|error| Error::Picture {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    let picture = picture.to_rgb8();
    let [width, height] = [picture.width(), picture.height()].map(|extent| extent as usize);
    Ok(Tensor::dense(
        vec![height, width, 3],
        Data::U8(picture.into_raw()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_reduced_to_the_same_proportions() -> Result<()> {
        let picture = built_in()?;
        assert_eq!(reduced(picture.clone(), 300 * 451), picture);
        let small = reduced(picture, 300 * 451 / 4);
        assert_eq!(small.shape(), [150, 225, 3]);
        Ok(())
    }
}
