//! How a thread walks over windows: `shaders/helpers/walk.wgsl`, and what it touches by that.

use super::{Extents, MAX_DIMS, MAX_REACH, Window, leading_ones, word};
use crate::kernel::per_lane;
use crate::plan::Block;
use crate::tensor::DType;
use std::ops::Range;

/// Elements of a stretch that `shaders/helpers/rows.wgsl` holds in registers.
const STRETCH: u32 = 32;

/// Rows of a window over which `shaders/helpers/roll.wgsl` rolls, and output rows that it keeps open.
const ROLLING: u32 = 5;

/// Threads that fill the device and the most output rows of one: where loads are dear, and elsewhere. A GPU hides the time of
/// its loads behind those of other threads; of f16 its arithmetic is what takes the time, of which rows share some.
const FILL_DEAR: (usize, usize) = (1 << 14, 16);
const FILL: (usize, usize) = (1 << 18, 2);
const FILL_HALF: (usize, usize) = (1 << 16, 2);
/// Neighbouring windows of a thread where loads are dear, at most; elsewhere a lane of the output, or a GPU stores its parts.
const MOST_COLUMNS: u32 = 8;

/// Neighbouring windows of a thread whose kernel has a stretch for eight.
pub(in crate::ops) fn columns(dtype: DType, loads_are_dear: bool) -> u32 {
    if loads_are_dear {
        MOST_COLUMNS
    } else {
        word(per_lane(dtype))
    }
}

/// A window as `shaders/helpers/walk.wgsl` sees it, along the axes D, H, W.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Walk {
    kernel: [u32; 3],
    stride: [u32; 3],
    before: [u32; 3],
    dilation: [u32; 3],
    dtype: DType,
    /// Neighbouring windows of a thread.
    pub(in crate::ops) columns: u32,
    lead: u32,
    aligned: bool,
    /// A stretch does not fit: every tap is loaded by itself.
    pub(in crate::ops) long: bool,
    /// Windows reach beyond the input, along H and W.
    border: [bool; 2],
    /// Elements from the first column of the last thread to the end of a row of the input, and those of the padding before it.
    behind: u32,
    /// A thread rolls down several output rows.
    pub(in crate::ops) roll: bool,
    /// How often rows and columns of the input are repeated as they are loaded.
    repeat: [u32; 2],
}

impl Window<'_> {
    /// How a thread walks over these windows, at most `most` columns of them.
    pub(in crate::ops) fn walk(
        &self,
        input: &Extents,
        output: &Extents,
        dtype: DType,
        most: u32,
    ) -> Walk {
        let [kernel, stride, dilation] = [self.kernel, self.stride, self.dilation]
            .map(|values| leading_ones(values, 1).map(effective));
        let before: Vec<usize> = self.padding.iter().map(|padding| padding[0]).collect();
        let before = leading_ones(&before, 0).map(word);
        let lane = word(per_lane(dtype));
        let reach = (kernel[2] - 1).saturating_mul(dilation[2]);
        let length = |columns: u32| {
            let between = (columns - 1).saturating_mul(stride[2]);
            between.saturating_add(reach).saturating_add(1)
        };
        let wanted = match output.w {
            1 => 1,
            2..=4 => 4,
            _ => 8,
        };
        // More windows share more of a stretch; four, where eight have too long a one.
        let columns = if wanted == 8 && length(8) > STRETCH {
            4
        } else {
            wanted
        }
        .min(most);
        let long = length(columns) > STRETCH;
        let lead = before[2].next_multiple_of(lane) - before[2];
        let aligned = !long
            && input.w.is_multiple_of(lane as usize)
            && (columns * stride[2]).is_multiple_of(lane)
            && lead + length(columns) <= STRETCH;
        let beyond = |axis: usize, output: usize, input: usize| {
            let last = (word(output) - 1).saturating_mul(stride[axis]);
            let reach = (kernel[axis] - 1).saturating_mul(dilation[axis]);
            before[axis] > 0 || last.saturating_add(reach) >= word(input)
        };
        let last_column = (word(output.w) - 1) / columns * columns;
        let behind = word(input.w).saturating_add(before[2]);
        let roll =
            !long && self.kernel.len() < MAX_DIMS && dilation[1] == 1 && kernel[1] <= ROLLING;
        Walk {
            kernel,
            stride,
            before,
            dilation,
            dtype,
            columns,
            lead: if aligned { lead } else { 0 },
            aligned,
            long,
            border: [beyond(1, output.h, input.h), beyond(2, output.w, input.w)],
            behind: behind.saturating_sub(last_column.saturating_mul(stride[2])),
            roll,
            repeat: [1; 2],
        }
    }
}

impl Walk {
    /// The attributes of the windows as `override`s of a kernel, from the `first` of the axes on.
    pub(in crate::ops) fn attributes(
        &self,
        first: usize,
    ) -> impl Iterator<Item = (&'static str, f64)> {
        let attributes = [
            (["KD", "KH", "KW"], self.kernel),
            (["SD", "SH", "SW"], self.stride),
            (["PD", "PH", "PW"], self.before),
            (["DD", "DH", "DW"], self.dilation),
        ];
        let attributes = attributes.into_iter();
        attributes
            .flat_map(move |(names, values)| names.into_iter().zip(values).skip(first))
            .map(|(name, value)| (name, f64::from(value)))
    }

    /// Sides of a window.
    pub(in crate::ops) const fn sides(&self) -> [u32; 3] {
        self.kernel
    }

    /// As `override`s of a kernel, from the `first` of the axes on.
    pub(in crate::ops) fn constants(&self, first: usize) -> Vec<(&'static str, f64)> {
        let flag = |flag: bool| u32::from(flag);
        let others = [
            ("COLUMNS", self.columns),
            ("LEAD", self.lead),
            ("ALIGNED", flag(self.aligned)),
            ("LONG", flag(self.long)),
            ("BORDER_H", flag(self.border[0])),
            ("BORDER", flag(self.border[1])),
            ("SAFE", self.behind.saturating_add(self.lead).min(STRETCH)),
        ];
        let repeat = ["UP_H", "UP_W"].into_iter().zip(self.repeat);
        let others = others
            .into_iter()
            .chain(repeat.filter(|(_, times)| *times > 1))
            .map(|(name, value)| (name, f64::from(value)));
        self.attributes(first).chain(others).collect()
    }

    /// The same walk over an input whose rows and columns are repeated as they are loaded; `None` if the first columns of
    /// threads, over rows of `output` columns, are not all first repetitions, or a thread holds no stretch to repeat.
    pub(in crate::ops) fn repeated(self, repeat: [usize; 2], output: usize) -> Option<Self> {
        let repeat = repeat.map(word);
        let first = (self.columns * self.stride[2]).is_multiple_of(repeat[1]);
        let alone = output <= self.columns as usize;
        let walk = Self {
            aligned: self.aligned && repeat[1] == 1,
            lead: if repeat[1] == 1 { self.lead } else { 0 },
            repeat,
            ..self
        };
        (!self.long && (first || alone)).then_some(walk)
    }

    /// First and last index of the input that the windows `outputs` see along an axis of D, H, W: in the padding, what a
    /// kernel loads instead.
    fn reach(&self, axis: usize, outputs: &Range<usize>, extent: usize) -> (usize, usize) {
        let [kernel, stride, before, dilation] =
            [self.kernel, self.stride, self.before, self.dilation].map(|of| of[axis] as usize);
        let clamped = |position: usize| position.saturating_sub(before).min(extent - 1);
        let last = outputs.end.saturating_sub(1) * stride + (kernel - 1) * dilation;
        let (first, last) = (clamped(outputs.start * stride), clamped(last));
        match axis {
            0 => (first, last),
            axis => {
                let times = self.repeat[axis - 1] as usize;
                (first / times, last / times)
            }
        }
    }

    /// What a block of threads of [`threads`](Self::threads) touches of a plane of the input and one of the output, along D, H
    /// and W: indices and extents, for [`span`]. `input` as it is stored; `slices`: of the output, along D.
    pub(in crate::ops) fn touched(
        &self,
        [input, output]: [&Extents; 2],
        rows: usize,
        slices: Range<usize>,
        [x, y, _]: &Block,
    ) -> [[(usize, usize, usize); 3]; 2] {
        let columns = self.columns as usize;
        // A thread may load rows for windows behind the last one.
        let (lines, windows) = (
            y.start * rows..y.end * rows,
            x.start * columns..x.end * columns,
        );
        let times = self.repeat.map(|times| times as usize);
        let read = [
            (input.d, 1, &slices),
            (input.h, times[0], &lines),
            (input.w, times[1], &windows),
        ];
        let mut axis = 0;
        let read = read.map(|(extent, times, outputs)| {
            let (first, last) = self.reach(axis, outputs, extent * times);
            axis += 1;
            (first, last, extent)
        });
        let written = [
            (output.d, slices.clone()),
            (output.h, lines.clone()),
            (output.w, windows.clone()),
        ];
        let written =
            written.map(|(extent, range)| (range.start, range.end.min(extent) - 1, extent));
        [read, written]
    }

    /// Elements of a window.
    pub(in crate::ops) fn kernel_elements(&self) -> usize {
        self.kernel.iter().map(|&extent| extent as usize).product()
    }

    /// How often rows and columns of the input are repeated as they are loaded.
    pub(in crate::ops) fn repeats(&self) -> [usize; 2] {
        self.repeat.map(|times| times as usize)
    }

    /// Turns of its loops that a thread takes for one slice of a window.
    pub(in crate::ops) fn turns(&self) -> usize {
        let taps = if self.long {
            self.kernel[2].div_ceil(4) as usize
        } else {
            // Of the kernels' own, over the taps of a row.
            self.kernel[2] as usize
        };
        (self.kernel[1] as usize).saturating_mul(taps.saturating_add(1))
    }

    /// Output rows of a thread: as many as leave enough threads, for it loads the first rows of its first window besides.
    pub(in crate::ops) fn rows(
        &self,
        output: &Extents,
        depth: usize,
        loads_are_dear: bool,
    ) -> usize {
        if !self.roll {
            return 1;
        }
        let columns = output.w.div_ceil(self.columns as usize);
        let (fill, most) = match (loads_are_dear, self.dtype) {
            (true, _) => FILL_DEAR,
            (false, DType::F16) => FILL_HALF,
            (false, _) => FILL,
        };
        let most = (columns * output.h * depth / fill).clamp(1, most);
        output.h.div_ceil(output.h.div_ceil(most))
    }

    /// Threads over the output: columns, `rows` rows each, and `depth` more.
    pub(in crate::ops) fn threads(
        &self,
        output: &Extents,
        rows: usize,
        depth: usize,
    ) -> [usize; 3] {
        let columns = output.w.div_ceil(self.columns as usize);
        [columns, output.h.div_ceil(rows), depth]
    }
}

/// A kernel, stride or dilation as kernels take it. One that is larger than a window may be has no effect (the stride of
/// a single window, the dilation of a single tap), so any value serves.
fn effective(value: usize) -> u32 {
    if value > MAX_REACH { 1 } else { word(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads of an element of [8, 64, 112, 112], by the threads of windows of this extent.
    fn loads(extent: usize, stride: usize, padding: usize) -> String {
        let window = Window {
            kernel: &[extent; 2],
            stride: &[stride; 2],
            padding: &[[padding; 2]; 2],
            dilation: &[1; 2],
            ceil_mode: false,
        };
        let of = |side| Extents {
            n: 8,
            c: 64,
            d: 1,
            h: side,
            w: side,
        };
        let (input, output) = (of(112), of(112 / stride));
        let walk = window.walk(&input, &output, DType::F32, 8);
        assert!(walk.roll && walk.aligned && walk.columns == 8);
        let rows = walk.rows(&output, 8 * 64, true);
        // A stretch, of which a thread loads neither what is before the first window nor what is behind the last.
        let along = |count: usize| ((count - 1) * stride + extent) as f64 / (count * stride) as f64;
        format!("{:.2}", along(walk.columns as usize) * along(rows))
    }

    #[test]
    fn overlapping_windows_share_what_is_loaded() {
        // Each element once; 17 for 16 of a row and 25 rows for 24; 10 for 8 and 18 for 16. The windows have 1, 2.25 and 9.
        assert_eq!(loads(2, 2, 0), "1.00");
        assert_eq!(loads(3, 2, 1), "1.11");
        assert_eq!(loads(3, 1, 1), "1.41");
    }
}
