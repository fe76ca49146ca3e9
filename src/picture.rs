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
