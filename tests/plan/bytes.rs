//! Bytes that the plans of the cases of fusion move, by formulas.

#[path = "bytes/chains.rs"]
mod chains;
#[path = "bytes/moments.rs"]
mod moments;
#[path = "bytes/timed.rs"]
mod timed;
#[path = "bytes/trained.rs"]
mod trained;
#[path = "bytes/ways.rs"]
mod ways;

use super::fusion::{kernels, moved};
use super::{plan, plan_of_cpu};
use std::ops::{Add, Mul};
use wgcnn::cases::{find, named};
use wgcnn::{DType, Result};

/// Bytes that a plan moves: of values of the case's type, and of those that are f32 or u32, or f16, in every case.
#[derive(Clone, Copy, Default)]
pub(super) struct Bytes {
    values: u64,
    words: u64,
    halves: u64,
}

impl Bytes {
    pub(super) fn of(self, dtype: DType) -> u64 {
        dtype.bytes() as u64 * self.values + 4 * self.words + 2 * self.halves
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            words: self.words + other.words,
            halves: self.halves + other.halves,
        }
    }
}

impl Mul<Bytes> for u64 {
    type Output = Bytes;
    fn mul(self, bytes: Bytes) -> Bytes {
        Bytes {
            values: self * bytes.values,
            words: self * bytes.words,
            halves: self * bytes.halves,
        }
    }
}

/// A tensor of the case's type.
pub(super) fn values<const RANK: usize>(shape: [u64; RANK]) -> Bytes {
    let values = shape.iter().product();
    Bytes {
        values,
        ..Bytes::default()
    }
}

/// A tensor of f32 or u32 in every case.
pub(super) fn words<const RANK: usize>(shape: [u64; RANK]) -> Bytes {
    let words = shape.iter().product();
    Bytes {
        words,
        ..Bytes::default()
    }
}

/// A tensor of f16 in every case.
fn halves<const RANK: usize>(shape: [u64; RANK]) -> Bytes {
    let halves = shape.iter().product();
    Bytes {
        halves,
        ..Bytes::default()
    }
}

/// Bytes moved for the affine functions of this many channels: four vectors read, a table of four written, and read.
pub(super) fn affine(channels: u64) -> Bytes {
    3 * words([channels, 4])
}

/// Bytes moved for the filters: read, packed in tiles of this many, read.
pub(super) fn packed([filters, channels, h, w]: [u64; 4], tile: u64) -> Bytes {
    let tiles = words([filters.next_multiple_of(tile), channels, h, w]);
    values([filters, channels, h, w]) + 2 * tiles
}

/// Bytes of the zeros of an absent bias.
pub(super) fn bias(filters: u64) -> Bytes {
    words([filters])
}

/// Bytes moved for the statistics of a batch, which are cut into so many parts a channel, besides those of what is normalised:
/// the parts written, and read with the state; the new state and what a gradient needs; what the second pass reads.
pub(super) fn statistics(channels: u64, parts: u64) -> Bytes {
    // i64.
    let counter = words([2]);
    let state = words([channels, 4]);
    let of_parts = words([channels, parts, 4]);
    state + counter + of_parts + counter + state + (of_parts + state) + words([channels, 4])
}

/// Bytes moved for the table of a batch norm in training by which another kernel normalises: written, read.
pub(super) fn table(channels: u64) -> Bytes {
    2 * words([channels, 4])
}

/// Bytes moved to place the weight of a batch norm in training and the affine functions on its way in behind one another, and those
/// of the functions behind the parts, written and read.
fn entries(channels: u64) -> Bytes {
    2 * words([channels, 5]) + 2 * words([channels, 4])
}

/// The same where a convolution makes the parts, and a pass merges them into one.
fn made(channels: u64, parts: u64) -> Bytes {
    2 * words([channels, parts, 4]) + statistics(channels, 1)
}

/// Bytes of the filters of 3x3 and the bias of a depthwise convolution of so many channels.
fn depthwise(channels: u64) -> Bytes {
    values([channels, 9]) + bias(channels)
}

/// The tables of a nearest-neighbour interpolation to so many rows and columns: of columns, by eights, of rows and slices.
pub(super) fn nearest(rows: u64, columns: u64) -> Bytes {
    words([columns]) + words([rows + 1])
}

/// Those of one that doubles rows to so many columns: none where these are whole lanes; where they are less than one, those of a
/// kernel that takes eight at a time.
pub(super) fn doubled(rows: u64, columns: u64, dtype: DType) -> Bytes {
    match columns * if dtype == DType::F16 { 2 } else { 4 } {
        row if row % 16 == 0 => words([0]),
        row if row < 16 => nearest(rows, columns.next_multiple_of(8)),
        _ => nearest(rows, columns),
    }
}

/// A case, the kernels that are left of it, and the bytes that they move.
type Row = (&'static str, &'static [&'static str], Bytes);

// Its inputs are variables: it is of the prologue, which goes first. The filters are inputs in these cases.
const TABLE: &str = "batch_norm_affine";
const PACKED: &[&str] = &[TABLE, "conv_pack", "conv_tile"];
const MOMENTS: &str = "batch_norm_moments";
const STATISTICS: &str = "batch_norm_statistics";

/// `parts`: those of a channel whose moments a batch norm in training makes, in two pictures: of nine rows of eleven, of twelve of 16.
fn rows(parts: [u64; 2]) -> Vec<Row> {
    [
        chains::rows(parts),
        moments::rows(parts),
        timed::rows(),
        trained::rows(parts),
        ways::rows(parts),
    ]
    .concat()
}

/// The same for a type.
fn rows_of(dtype: DType) -> Vec<Row> {
    rows(if dtype == DType::F16 { [2, 3] } else { [4, 1] })
}

#[test]
fn every_case_of_fusion_has_its_bytes() {
    let rows: Vec<_> = rows([0; 2]).into_iter().map(|(name, ..)| name).collect();
    for case in named() {
        // Behind a plus are types and values.
        let name = case.name.split('+').next().unwrap_or_default();
        let name = name.strip_prefix("fusion/");
        let has = name.is_none_or(|name| rows.contains(&name));
        assert!(has, "{}", case.name);
    }
}

#[test]
fn fused_kernels_move_what_goes_in_and_what_comes_out() -> Result<()> {
    for (ending, dtype) in [("", DType::F32), ("+f16", DType::F16)] {
        for (name, left, bytes) in rows_of(dtype) {
            // There are no others of those that change their type or have digits that f16 has not, and a concat has no way in where
            // rows of f16 begin within words.
            let alone = ["narrow", "widen", "-far"];
            let has_other = !alone.iter().any(|what| name.contains(what));
            let odd = ["-odd", "-small", "-edges"];
            let odd = odd.iter().any(|ending| name.ends_with(ending));
            let begins_at_words = !(name.contains("-concat") && odd);
            if dtype == DType::F16 && !(has_other && begins_at_words) {
                continue;
            }
            let case = find(&format!("fusion/{name}{ending}"))?;
            // Kernels that are for one, and parts of moments, which are as many as its threads.
            let of_cpu = [
                "-held",
                "-lanes",
                "depthwise-train",
                "two-trains",
                "train-relu-train",
            ];
            let of_cpu = of_cpu.iter().any(|of| name.contains(of));
            let plan = if of_cpu {
                plan_of_cpu(&case.graph)?
            } else {
                plan(&case.graph)?
            };
            assert_eq!(kernels(&plan), left, "{name}{ending}\n{plan}");
            assert_eq!(moved(&plan), bytes.of(dtype), "{name}{ending}\n{plan}");
        }
    }
    Ok(())
}
