//! Launches that are too large for one dispatch: cut into parts of their grids.
//!
//! A tensor may be larger than a binding. Then each part binds what it touches of it, and its kernel subtracts the lanes
//! before that from every index. A part that is predicted to run longer than [`MOST_SECONDS`] is cut as well: there are
//! drivers that take it for a hang (Windows after two seconds).

use super::{Launch, Limits, Plan, Slot, SlotId, Threads};
use std::ops::Range;

/// A box of threads, or of workgroups, in x, y, z.
pub(crate) type Block = [Range<usize>; 3];

/// Which bytes of its tensors a block of threads touches.
#[derive(Clone, Copy)]
pub(crate) struct Touches<'a> {
    /// Of the first tensor that is read, and of the first that is written.
    pub(crate) bytes: &'a dyn Fn(&Block) -> [Range<usize>; 2],
    /// Which of the other reads lie as the tensor that is written does.
    pub(crate) like_y: &'a [usize],
    /// Packed weights, of which not all can be bound.
    pub(crate) weights: Option<Weights<'a>>,
}

/// Which read of a kernel its packed weights are.
pub(super) const PACKED: usize = 1;

/// Packed weights of which a block of threads needs some. Its kernel is told where they begin, as `packed_base`.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// Which bytes of them a block of threads touches.
    pub(crate) bytes: &'a dyn Fn(&Block) -> Range<usize>,
    /// Most bytes that are bound; of a uniform buffer always so many.
    pub(crate) most: u64,
    pub(crate) uniform: bool,
}

/// Bytes between the first and the last element of a box in a tensor: of each axis the first and the last index, and the
/// extent.
pub(crate) fn span(axes: &[(usize, usize, usize)], element: usize) -> Range<usize> {
    let flat = |of: fn(&(usize, usize, usize)) -> usize| {
        axes.iter().fold(0, |at, axis| at * axis.2 + of(axis))
    };
    flat(|axis| axis.0) * element..(flat(|axis| axis.1) + 1) * element
}

/// Seconds that a dispatch may be predicted to run.
const MOST_SECONDS: f64 = 1.0;

/// A part of a launch.
pub(super) struct Part {
    /// Workgroups.
    pub(super) block: Block,
    /// Bytes that are bound of reads and writes, in the order of the bindings, where not all are.
    pub(super) slices: Vec<(usize, Range<u64>)>,
    /// Bytes of the first tensor that it reads, of a launch that is cut by its weights: other parts read them again.
    pub(super) input: Option<u64>,
}

/// What a launch is cut by.
pub(super) struct Cutter<'a> {
    pub(super) plan: &'a Plan,
    pub(super) limits: &'a Limits,
    pub(super) launch: &'a Launch<'a>,
    /// Bytes that all of it reads and writes.
    pub(super) bytes: u64,
}

impl Cutter<'_> {
    /// The parts of the launch: one, if it can be.
    pub(super) fn parts(&self) -> Vec<Part> {
        let all = self.launch.threads.workgroups().map(|count| 0..count);
        if all.iter().any(Range::is_empty) {
            return Vec::new();
        }
        let mut blocks = Vec::new();
        let first = [0..1, 0..1, 0..1];
        // Where what one workgroup touches does not fit, nothing does, and the check of the bindings says so.
        if self.excess_bytes(&first) > 1.0 {
            blocks.push(all);
        } else {
            self.halve(all, &mut blocks);
        }
        let part = |block: Block| Part {
            slices: self.slices(&block),
            input: self.input(&block),
            block,
        };
        blocks.into_iter().map(part).collect()
    }

    /// Appends the block, or its parts that fit: cut each time along the axis that helps most.
    fn halve(&self, block: Block, fitting: &mut Vec<Block>) {
        if self.excess(&block) <= 1.0 {
            return fitting.push(block);
        }
        let halves = |axis: usize| {
            let Range { start, end } = block[axis];
            let middle = start + (end - start).div_ceil(2);
            [start..middle, middle..end].map(|half| {
                let mut block = block.clone();
                block[axis] = half;
                block
            })
        };
        let axes = [2, 1, 0].into_iter().filter(|&axis| block[axis].len() > 1);
        let cuts = axes.map(halves).map(|halves| {
            let excess = halves
                .iter()
                .map(|half| self.excess(half))
                .fold(0.0, f64::max);
            (excess, halves)
        });
        match cuts.min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((_, halves)) => halves
                .into_iter()
                .for_each(|half| self.halve(half, fitting)),
            None => fitting.push(block),
        }
    }

    /// How many times more bytes are bound than may be.
    #[expect(clippy::cast_precision_loss, reason = "a quotient to compare with 1")]
    fn excess_bytes(&self, block: &Block) -> f64 {
        let weights = self.launch.touches.and_then(|touches| touches.weights);
        let slices = self.slices(block).into_iter();
        let excess = slices.map(|(binding, range)| {
            let most = match weights {
                Some(weights) if binding == PACKED => weights.most,
                _ => self.limits.max_storage_buffer_binding_size,
            };
            (range.end - range.start) as f64 / most as f64
        });
        excess.fold(0.0, f64::max)
    }

    /// How many times larger than a dispatch may be, in bytes bound or in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a quotient to compare with 1")]
    fn excess(&self, block: &Block) -> f64 {
        let volume = |of: [usize; 3]| of.into_iter().map(|n| n as f64).product::<f64>();
        let share = volume([0, 1, 2].map(|axis| block[axis].len()))
            / volume(self.launch.threads.workgroups());
        let operations = self.launch.operations as f64 / self.limits.operations_per_second as f64;
        let seconds = operations + self.bytes as f64 / self.limits.bytes_per_second as f64;
        self.excess_bytes(block).max(seconds * share / MOST_SECONDS)
    }

    fn slot(&self, slot: SlotId) -> &Slot {
        &self.plan.slots[slot]
    }

    /// What a block of workgroups binds, where that is not all: of tensors beyond a binding alone, unless the launch says
    /// what it touches.
    fn slices(&self, block: &Block) -> Vec<(usize, Range<u64>)> {
        let Launch {
            reads,
            writes,
            touches,
            ..
        } = self.launch;
        let fits = |slot: SlotId| {
            let bytes = self.slot(slot).padded() + self.plan.guard_of(slot);
            bytes <= self.limits.max_storage_buffer_binding_size
        };
        let Some(touches) = touches else {
            return Vec::new();
        };
        let like_y = touches.like_y.iter().map(|&read| (read, reads[read]));
        let of_y: Vec<_> = like_y.chain([(reads.len(), writes[0])]).collect();
        let all_fit = fits(reads[0]) && of_y.iter().all(|&(_, slot)| fits(slot));
        let threads = self.threads(block);
        let mut slices = Vec::new();
        if !all_fit {
            let [x, y] = (touches.bytes)(&threads);
            slices.push((0, self.aligned(reads[0], x)));
            let of_y = of_y.into_iter();
            slices.extend(of_y.map(|(binding, slot)| (binding, self.aligned(slot, y.clone()))));
        }
        if let Some(weights) = touches.weights {
            let bytes = (weights.bytes)(&threads);
            slices.push((PACKED, self.window(&weights, reads[PACKED], bytes)));
        }
        slices
    }

    /// The threads of a block of workgroups.
    fn threads(&self, block: &Block) -> Block {
        let Threads { count, workgroup } = self.launch.threads;
        [0, 1, 2].map(|axis| {
            let (Range { start, end }, size) = (&block[axis], workgroup[axis] as usize);
            start * size..(end * size).min(count[axis])
        })
    }

    fn input(&self, block: &Block) -> Option<u64> {
        let touches = self.launch.touches?;
        touches.weights?;
        let [x, _] = (touches.bytes)(&self.threads(block));
        let all = self.slot(self.launch.reads[0]).bytes;
        Some(((x.end - x.start) as u64).min(all))
    }

    /// What is bound of packed weights for these of them.
    fn window(&self, weights: &Weights<'_>, slot: SlotId, bytes: Range<usize>) -> Range<u64> {
        if !weights.uniform {
            return self.aligned(slot, bytes);
        }
        let alignment = u64::from(self.limits.min_uniform_buffer_offset_alignment.max(16));
        let start = bytes.start as u64 / alignment * alignment;
        start..(bytes.end as u64).max(start + weights.most)
    }

    /// Whole lanes of a slot that begin where a binding may; the guard behind the last.
    fn aligned(&self, slot: SlotId, bytes: Range<usize>) -> Range<u64> {
        let alignment = u64::from(self.limits.min_storage_buffer_offset_alignment.max(16));
        let padded = self.slot(slot).padded();
        let end = (bytes.end as u64).next_multiple_of(16).min(padded);
        let start = (bytes.start as u64).min(end.saturating_sub(16)) / alignment * alignment;
        let guard = if end == padded {
            self.plan.guard_of(slot)
        } else {
            0
        };
        start..end + guard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_from_the_first_to_the_last_element_of_a_box() {
        // Rows 1 and 2 of planes 0 and 1, of [3, 4, 5].
        let axes = [(0, 1, 3), (1, 2, 4), (0, 4, 5)];
        assert_eq!(span(&axes, 4), 5 * 4..(20 + 10 + 5) * 4);
    }
}
