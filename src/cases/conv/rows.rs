//! Convolutions of so many products that a thread makes several output rows on a CPU, or of so many weights that not all are bound at
//! a time.

use super::{Case, Values, case, same};
use crate::ops::Conv;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "rows",
            "enough work for several output rows a thread, on a CPU; the last has one, the last tile three filters",
            &[1, 16, 65, 72],
            &[27, 16, 3, 3],
            Conv::new(2).padding([1, 1]),
        ),
        case(
            "rows_strided",
            "rows of a thread that share an input row with a stride of 2, in groups, of odd widths",
            &[2, 32, 75, 87],
            &[40, 16, 3, 3],
            Conv::new(2).stride([2, 2]).padding([1, 0]).groups(2),
        ),
        case(
            "rows_weights",
            "more weights than a uniform buffer has, odd widths, several pictures",
            &[3, 96, 17, 19],
            &[80, 96, 3, 3],
            same(),
        ),
        case(
            "rows_weights_strided",
            "more weights than a uniform buffer has, even widths",
            &[1, 128, 33, 34],
            &[64, 128, 3, 3],
            Conv::new(2).stride([2, 2]).padding([1, 1]),
        ),
        case(
            "rows_weights_groups",
            "more weights than a uniform buffer has, in groups whose last tile has four filters",
            &[2, 64, 21, 23],
            &[72, 32, 3, 3],
            same().groups(2),
        ),
        case(
            "rows_tile",
            "more weights of one tile than a uniform buffer has, odd widths",
            &[1, 172, 25, 19],
            &[24, 172, 3, 3],
            same(),
        ),
        case(
            "rows_tile_aligned",
            "more weights of one tile than a uniform buffer has, pictures of whole lanes",
            &[1, 172, 20, 24],
            &[24, 172, 3, 3],
            same(),
        ),
        case(
            "products_flat",
            "on a GPU, pixels of two pictures in a workgroup, and of the last one not all; taps that end within a step",
            &[3, 5, 9, 16],
            &[40, 5, 3, 3],
            same(),
        ),
        case(
            "products_dilated",
            "on a GPU, taps far apart, in the padding of one side, filters that end within a tile of each group",
            &[2, 6, 12, 15],
            &[50, 3, 3, 2],
            Conv::new(2).padding([3, 1]).dilation([3, 2]).groups(2),
        ),
        case(
            "products_specials",
            "on a GPU, NaN and infinities where taps end within a step",
            &[2, 3, 9, 12],
            &[20, 3, 3, 3],
            same(),
        )
        .with(Values::Rare),
        case(
            "products_1d",
            "on a GPU, one dimension, several workgroups of pixels, a stride",
            &[2, 7, 401],
            &[33, 7, 5],
            Conv::new(1).stride([2]).padding([2]),
        ),
        case(
            "pointwise_many",
            "several workgroups of pixels",
            &[1, 64, 66, 71],
            &[64, 64, 1, 1],
            Conv::new(2),
        ),
        case(
            "pointwise_weights",
            "more weights than a uniform buffer has, pictures that begin anywhere, channels left over, a tile of few filters",
            &[2, 131, 5, 7],
            &[99, 131, 1, 1],
            Conv::new(2),
        ),
        case(
            "pointwise_weights_aligned",
            "more weights than a uniform buffer has, pictures of whole lanes",
            &[2, 130, 4, 8],
            &[100, 130, 1, 1],
            Conv::new(2),
        ),
        case(
            "first_layer",
            "few channels, a wide filter",
            &[1, 3, 45, 51],
            &[16, 3, 7, 7],
            Conv::new(2).stride([2, 2]).padding([3, 3]),
        ),
        case(
            "few_rows",
            "few channels, and enough work for several output rows a thread, on a CPU; the last has two, the last tile three filters",
            &[1, 3, 91, 93],
            &[59, 3, 7, 7],
            Conv::new(2).stride([2, 2]).padding([3, 3]),
        ),
        case(
            "few_rows_unit_stride",
            "the same with a stride of 1, one channel, rows of whole lanes and two output rows a thread",
            &[50, 1, 3, 208],
            &[64, 1, 3, 3],
            same(),
        ),
        case(
            "few_rows_apart",
            "the same with output rows that share no input row, in groups",
            &[2, 8, 75, 64],
            &[64, 4, 5, 5],
            Conv::new(2).stride([3, 1]).dilation([2, 1]).groups(2),
        ),
        case(
            "few_rows_dilated",
            "the same with taps apart",
            &[1, 4, 60, 60],
            &[64, 4, 5, 5],
            Conv::new(2).dilation([2, 1]).padding([4, 2]),
        ),
        case(
            "few_rows_stride_3",
            "the same with rows that are far from each other",
            &[1, 3, 120, 64],
            &[64, 3, 7, 7],
            Conv::new(2).stride([3, 1]),
        ),
        case(
            "few_rows_spread",
            "the same with columns that are far from each other",
            &[1, 3, 60, 190],
            &[64, 3, 7, 7],
            Conv::new(2).stride([1, 3]),
        ),
        case(
            "few_rows_weights",
            "the same with more weights than a uniform buffer has",
            &[2, 4, 40, 40],
            &[72, 4, 7, 7],
            Conv::new(2).padding([3, 3]),
        ),
    ]
}
