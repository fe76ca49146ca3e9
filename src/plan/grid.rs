//! Grids: from threads to workgroups, folded to what one dispatch may have.

use super::Block;

/// Threads of a launch and the workgroups they come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threads {
    /// Threads needed in x, y, z.
    pub(crate) count: [usize; 3],
    /// Threads of a workgroup in x, y, z.
    pub(crate) workgroup: [u32; 3],
}

/// Invocations of a workgroup: what every WebGPU adapter has, and a whole number of subgroups on all of them.
const INVOCATIONS: u32 = 256;

/// Fewest invocations of a workgroup that are not there for want of work: what devices run in step. Workgroups become that
/// small before there are fewer of them than fill any device.
const FEWEST: usize = 32;
const FILL: usize = 256;

/// Invocations of the workgroups of so many threads.
fn invocations(count: [usize; 3]) -> u32 {
    let all = count
        .iter()
        .fold(1usize, |all, &count| all.saturating_mul(count));
    let each = (all / FILL).clamp(FEWEST, INVOCATIONS as usize);
    u32::try_from(each.next_power_of_two()).unwrap_or(INVOCATIONS)
}

/// Invocations along each axis of a workgroup that every WebGPU adapter has.
const MOST: [u32; 3] = [256, 256, 64];

impl Threads {
    /// A row of threads.
    pub(crate) const fn row(count: usize) -> Self {
        Self {
            count: [count, 1, 1],
            workgroup: [INVOCATIONS, 1, 1],
        }
    }

    /// Workgroups shaped to the work: each axis is cut evenly, x first, so that neighbours touch neighbouring addresses
    /// and few threads are idle in the last workgroup.
    pub(crate) fn fitted(count: [usize; 3]) -> Self {
        let mut left = invocations(count);
        let workgroup = std::array::from_fn(|axis| {
            let most = left.min(MOST[axis]);
            let size = match u32::try_from(count[axis]) {
                Ok(0) => 1,
                Ok(count) => count.div_ceil(count.div_ceil(most)),
                Err(_) => most,
            };
            left /= size;
            size
        });
        Self { count, workgroup }
    }

    /// Workgroups of one row in y each, so that what depends on y alone is the same for all their threads: x is filled
    /// first, cut evenly, in whole rows of 32 where there are so many; z takes what is left.
    pub(crate) fn columns(count: [usize; 3]) -> Self {
        let rows = count[0].div_ceil(INVOCATIONS as usize).max(1);
        let each = count[0].div_ceil(rows).max(1);
        let x = match u32::try_from(each) {
            Ok(each) if each > 32 => each.next_multiple_of(32).min(INVOCATIONS),
            Ok(each) => each.next_power_of_two(),
            Err(_) => INVOCATIONS,
        };
        let most = (INVOCATIONS / x).min(MOST[2]) as usize;
        let z = count[2].div_ceil(count[2].div_ceil(most).max(1)).max(1);
        let z = u32::try_from(z).unwrap_or(1);
        Self {
            count,
            workgroup: [x, 1, z],
        }
    }

    /// Workgroups of 64 threads of one z each, as reductions in `shaders/helpers/moments.wgsl` are of: of the shapes that leave
    /// the fewest threads idle the widest, four threads at least where there are so many.
    pub(crate) fn of_planes(count: [usize; 3]) -> Self {
        let shapes = [64, 32, 16, 8, 4, 2, 1].map(|x| Self {
            count,
            workgroup: [x, 64 / x, 1],
        });
        let wide = |threads: &&Self| threads.workgroup[0] as usize >= count[0].min(4);
        let needed = |threads: &&Self| threads.workgroups()[..2].iter().product::<usize>();
        let fewest = shapes.iter().filter(wide).min_by_key(needed);
        *fewest.unwrap_or(&shapes[0])
    }

    pub(crate) fn workgroups(&self) -> [usize; 3] {
        let size = self.workgroup.map(|size| size as usize);
        std::array::from_fn(|axis| self.count[axis].div_ceil(size[axis]))
    }
}

/// A part of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// First workgroup.
    pub(super) origin: [u32; 3],
    /// Workgroups.
    pub(super) size: [u32; 3],
}

/// Cuts a block of workgroups into parts of at most `max` a dimension; nothing of an empty one.
pub(super) fn fold(workgroups: Block, max: u32) -> Vec<Part> {
    let cuts = workgroups.map(|range| {
        let [start, end] = [range.start, range.end].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        (start..end)
            .step_by(max as usize)
            .map(move |origin| (origin, (end - origin).min(max)))
            .collect::<Vec<_>>()
    });
    let [xs, ys, zs] = &cuts;
    let mut parts = Vec::new();
    for &(z, depth) in zs {
        for &(y, height) in ys {
            for &(x, width) in xs {
                parts.push(Part {
                    origin: [x, y, z],
                    size: [width, height, depth],
                });
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_at_the_limit_is_one_part_and_one_above_it_two() {
        assert_eq!(fold([0..7, 0..1, 0..1], 7).len(), 1);
        let parts = fold([0..8, 0..1, 0..1], 7);
        let expected = [([0, 0, 0], [7, 1, 1]), ([7, 0, 0], [1, 1, 1])];
        assert_eq!(
            parts,
            expected
                .map(|(origin, size)| Part { origin, size })
                .to_vec()
        );
    }

    /// What the bound of moments that a convolution makes counts on: `ops::made_depth`.
    #[test]
    fn workgroups_of_planes_are_few() {
        for x in 1..200 {
            for y in 1..200 {
                let threads = Threads::of_planes([x, y, 1]);
                assert_eq!(threads.workgroup.iter().product::<u32>(), 64);
                let [wide, high, deep] = threads.workgroups();
                assert!(x * y < 32 || wide * high <= x * y / 32 + 1, "{x} x {y}");
                assert_eq!(deep, 1);
            }
        }
    }

    #[test]
    fn parts_cover_each_workgroup_once() {
        let grid = [5, 8, 3];
        let mut seen = vec![0; 5 * 8 * 3];
        for part in fold(grid.map(|count| 0..count), 2) {
            for z in part.origin[2]..part.origin[2] + part.size[2] {
                for y in part.origin[1]..part.origin[1] + part.size[1] {
                    for x in part.origin[0]..part.origin[0] + part.size[0] {
                        seen[((z * 8 + y) * 5 + x) as usize] += 1;
                    }
                }
            }
        }
        assert!(seen.iter().all(|&count| count == 1));
    }

    #[test]
    fn an_empty_grid_has_no_parts() {
        assert!(fold([0..0, 0..4, 0..4], 65_535).is_empty());
    }

    #[test]
    fn workgroups_fit_the_work() {
        assert_eq!(Threads::fitted([28, 112, 512]).workgroup, [28, 9, 1]);
        assert_eq!(Threads::fitted([2, 7, 8192]).workgroup, [2, 7, 18]);
        assert_eq!(Threads::fitted([1, 1, 100_000]).workgroup, [1, 1, 64]);
        assert_eq!(Threads::fitted([1, 1, 1]).workgroup, [1, 1, 1]);
        assert_eq!(Threads::fitted([100_000, 1, 1]).workgroup, [256, 1, 1]);
        assert_eq!(Threads::fitted([0, 3, 3]).workgroups(), [0, 1, 1]);
        // Little work is not left to a few workgroups.
        assert_eq!(Threads::fitted([2, 4, 16]).workgroup, [2, 4, 4]);
        assert_eq!(Threads::fitted([1000, 1, 1]).workgroup, [32, 1, 1]);
    }

    #[test]
    fn workgroups_of_columns_have_one_row() {
        assert_eq!(Threads::columns([784, 64, 8]).workgroup, [224, 1, 1]);
        assert_eq!(Threads::columns([13, 512, 64]).workgroup, [16, 1, 16]);
        assert_eq!(Threads::columns([1, 2048, 128]).workgroup, [1, 1, 64]);
        assert_eq!(Threads::columns([16384, 6, 20]).workgroup, [256, 1, 1]);
        assert_eq!(Threads::columns([5, 3, 0]).workgroups(), [1, 3, 0]);
    }
}
