//! How long the device works on a session.

use super::{Session, begin};
use crate::device::{Device, lock};
use crate::error::{Error, Result};
use std::fmt;
use std::ops::Range;
use std::time::Instant;

/// Which clock a time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Timestamps that the device writes around the pass.
    Device,
    /// The host's clock around submission and completion, for the device's is in doubt.
    Wall(Doubt),
}

/// Why timestamps of a device are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The device has none, or they are zero.
    Absent,
    /// The second is not behind the first.
    NotAscending,
    /// They are further apart than the host waited.
    TooLong,
    /// The clock makes fewer than 16 steps between them.
    Coarse,
    /// What more repetitions take by the host's clock is not what they take by the device's. Which of them is wrong is not
    /// known: a device's may count in another unit, and what else the machine does is in the host's.
    Disagrees,
}

/// How many times longer a time may be by the one clock than by the other: clocks of another unit than they claim
/// differ by more (those of GPUs count 1, 10, 38, 52 or 83 ns).
const MOST_APART: f64 = 1.5;

impl Doubt {
    /// The doubt in a time by the device's clock, if there is one, given the same by the host's.
    #[must_use]
    pub fn of_slope(device: f64, host: f64) -> Option<Self> {
        let apart = !(device <= host * MOST_APART && host <= device * MOST_APART);
        apart.then_some(Self::Disagrees)
    }

    /// The doubt in a clock that has measured several times of so many ticks, if there is one: a clock of few steps that do not
    /// begin at 0 is found out by what the times have in common.
    #[must_use]
    pub fn of_ticks(times: &[u64]) -> Option<Self> {
        let shortest = times.iter().copied().min()?;
        let step = times.iter().copied().fold(0, common_divisor);
        let coarse = times.len() > 1 && step > 0 && shortest / step < STEPS;
        coarse.then_some(Self::Coarse)
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Absent => "the device has no timestamps",
            Self::NotAscending => "the device's timestamps do not ascend",
            Self::TooLong => "the device's timestamps are further apart than the host waited",
            Self::Coarse => "the device's clock makes fewer than 16 steps in a sample",
            Self::Disagrees => {
                "the device's clock and the host's disagree on how long repetitions take, and nothing tells which is wrong"
            }
        })
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Device => "device",
            Self::Wall(_) => "wall",
        })
    }
}

/// Passes whose timestamps one set of queries holds: 4096 is WebGPU's limit.
const PASSES: usize = 2048;

/// Time of one repetition.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Seconds.
    pub seconds: f64,
    /// The clock.
    pub timer: Timer,
    /// Seconds by the host's clock, with a share of the submission and the wait.
    pub wall: f64,
    /// Of how many repetitions it is the time of one.
    pub repetitions: u32,
    /// Ticks of the device's clock of all repetitions; 0 where it has none.
    pub ticks: u64,
}

impl Timing {
    /// Seconds of one repetition by the host's clock, from the difference to a timing of more repetitions: what submitting and
    /// waiting costs cancels.
    #[must_use]
    pub fn slope(&self, more: &Self) -> f64 {
        let (few, many) = (f64::from(self.repetitions), f64::from(more.repetitions));
        (more.wall * many - self.wall * few) / (many - few)
    }
}

impl Session {
    /// Repeats all dispatches but the [prologue](crate::plan::Plan::prologue) `repetitions` times in one pass, on what the
    /// last run left in memory, and returns the time of one. The prologue runs before if it has to. Variables are not updated. Make the session without
    /// [`reuse`](crate::plan::Options::reuse), or the repetitions do not see the inputs of the run.
    ///
    /// Device timestamps that are absent, not ascending, longer than the host waited or of a coarse clock are not believed:
    /// then the time is the host's, with the [`Doubt`].
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn time(&self, repetitions: u32) -> Result<Timing> {
        self.time_in_turn(&[], repetitions)
    }

    /// As [`time`](Self::time), each repetition in the memory of the next of this session and some `others` of its device: what
    /// one leaves in a cache is gone when it is its turn again, if they are enough.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn time_in_turn(&self, others: &[Self], repetitions: u32) -> Result<Timing> {
        let repetitions = repetitions.max(1);
        let sessions = std::iter::once(self).chain(others);
        for session in sessions.clone() {
            session.run_prologue()?;
        }
        let device = self.device.wgpu();
        let queries = self.device.adapter().timestamps.then(|| {
            device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timing"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            })
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = self.device.buffer("timestamps", 16, usage)?;
        let command = self.device.scoped(|| {
            let mut encoder = device.create_command_encoder(&Default::default());
            let writes = queries
                .as_ref()
                .map(|query_set| wgpu::ComputePassTimestampWrites {
                    query_set,
                    beginning_of_pass_write_index: Some(0),
                    end_of_pass_write_index: Some(1),
                });
            let mut pass = begin(&mut encoder, writes);
            for (_, session) in (0..repetitions).zip(sessions.cycle()) {
                session.record(&mut pass, session.plan.prologue..session.steps.len());
            }
            drop(pass);
            if let Some(queries) = &queries {
                encoder.resolve_query_set(queries, 0..2, &resolved, 0);
            }
            encoder.finish()
        })?;
        let wall = wall(&self.device, command)?;
        let ticks = match queries {
            Some(_) => self.device.read(&resolved, 16)?,
            None => vec![0; 16],
        };
        let period = f64::from(self.device.queue().get_timestamp_period());
        let [begin, end] = [&ticks[..8], &ticks[8..]].map(tick);
        let (seconds, timer) = believe([begin, end], period, wall);
        Ok(Timing {
            seconds: seconds / f64::from(repetitions),
            timer,
            wall: wall / f64::from(repetitions),
            repetitions,
            ticks: end.saturating_sub(begin),
        })
    }
}

impl Session {
    /// Runs all dispatches but the [prologue](crate::plan::Plan::prologue) once, each in a pass of its own, and returns when
    /// each began and ended by the device's clock: seconds from the beginning of the first. As in [`time`](Self::time), on
    /// what the last run left in memory.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without timestamps, or if they do not ascend; as [`run`](Self::run).
    pub fn trace(&self) -> Result<Vec<Range<f64>>> {
        self.run_prologue()?;
        let device = self.device.wgpu();
        let steps = self.plan.prologue..self.steps.len();
        let unsupported = |what: &str| Error::Unsupported {
            node: "trace".to_owned(),
            what: what.to_owned(),
        };
        if !self.device.adapter().timestamps {
            return Err(unsupported("a device without timestamps"));
        }
        let mut spans = Vec::with_capacity(steps.len());
        // A set has a limited number of queries; the passes of one are submitted together.
        for first in steps.clone().step_by(PASSES) {
            let group = first..steps.end.min(first + PASSES);
            let count = u32::try_from(2 * group.len()).unwrap_or(u32::MAX);
            let bytes = u64::from(count) * 8;
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            let resolved = self.device.buffer("timestamps", bytes, usage)?;
            self.device.scoped(|| {
                let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
                    label: Some("trace"),
                    ty: wgpu::QueryType::Timestamp,
                    count,
                });
                let mut encoder = device.create_command_encoder(&Default::default());
                for (step, begin) in group.zip((0..).step_by(2)) {
                    let writes = wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(begin),
                        end_of_pass_write_index: Some(begin + 1),
                    };
                    self.encode(&mut encoder, step..step + 1, Some(writes));
                }
                encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
                self.device.queue().submit([encoder.finish()]);
            })?;
            let ticks = self.device.read(&resolved, bytes)?;
            let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&ticks);
            spans.extend(ticks.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        let origin = spans.first().map_or(0, |&(begin, _)| begin);
        let mut last = origin;
        for &(begin, end) in &spans {
            if begin < last || end <= begin {
                return Err(unsupported("a device whose timestamps do not ascend"));
            }
            last = end;
        }
        let period = f64::from(self.device.queue().get_timestamp_period()) * 1e-9;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a duration, far below 2^53 ticks"
        )]
        let seconds = |tick: u64| (tick - origin) as f64 * period;
        let spans = spans.into_iter();
        Ok(spans
            .map(|(begin, end)| seconds(begin)..seconds(end))
            .collect())
    }

    /// Runs the prologue if it has to.
    fn run_prologue(&self) -> Result<()> {
        let changes = lock(&self.changes);
        let Some(stale) = self.stale(&changes) else {
            return Ok(());
        };
        self.device.scoped(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let mut encoder = self.device.wgpu().create_command_encoder(&descriptor);
            self.encode(&mut encoder, 0..self.plan.prologue, None);
            self.device.queue().submit([encoder.finish()])
        })?;
        *lock(&self.prepared) = Some(stale);
        Ok(())
    }
}

/// Seconds until a device is done with a command, by the host's clock.
pub(crate) fn wall(device: &Device, command: wgpu::CommandBuffer) -> Result<f64> {
    let start = Instant::now();
    let submission = device.scoped(|| device.queue().submit([command]))?;
    device.wait(submission)?;
    Ok(start.elapsed().as_secs_f64())
}

/// A timestamp, as it is in memory.
fn tick(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |tick, &byte| (tick << 8) | u64::from(byte))
}

/// The device's time if its two timestamps can be believed, else the host's.
fn believe([begin, end]: [u64; 2], period_ns: f64, wall: f64) -> (f64, Timer) {
    let ticks = end.saturating_sub(begin);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a duration, far below 2^53 ticks"
    )]
    let device = ticks as f64 * period_ns * 1e-9;
    let doubt = match () {
        () if begin == 0 && end == 0 => Doubt::Absent,
        () if ticks == 0 => Doubt::NotAscending,
        () if device > wall => Doubt::TooLong,
        // A clock of few steps gives multiples of its step alone.
        () if ticks / common_divisor(begin, end) < STEPS => Doubt::Coarse,
        () => return (device, Timer::Device),
    };
    (wall, Timer::Wall(doubt))
}

/// Fewest steps of a clock in a time that is taken with it: one step is a sixteenth of it.
const STEPS: u64 = 16;

/// The greatest common divisor, by Euclid.
const fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plausible_timestamps_are_believed() {
        // The second pair has steps of 32 ticks, as many devices' clocks do.
        for (begin, end, expected) in [(1_001, 3_001, 2e-6), (64_032, 66_592, 2.56e-6)] {
            let (seconds, timer) = believe([begin, end], 1.0, 1e-5);
            assert_eq!(timer, Timer::Device);
            assert!((seconds - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_clock_of_another_unit_is_found_out() {
        // 100 us of submission and waiting, 1 ms a repetition.
        let timing = |repetitions: u32| Timing {
            seconds: 1e-3,
            timer: Timer::Device,
            wall: 1e-3 + 1e-4 / f64::from(repetitions),
            repetitions,
            ticks: 1_000_000 * u64::from(repetitions),
        };
        let slope = timing(2).slope(&timing(4));
        assert!((slope - 1e-3).abs() < 1e-12);
        assert_eq!(Doubt::of_slope(1e-3, slope), None);
        for device in [1e-3 * 19.2 / 12.0, 1e-3 * 12.0 / 19.2, 0.0, -1e-3, f64::NAN] {
            assert_eq!(
                Doubt::of_slope(device, slope),
                Some(Doubt::Disagrees),
                "{device}"
            );
        }
    }

    #[test]
    fn a_coarse_clock_that_does_not_begin_at_0_is_found_out() {
        // Steps of 512 ticks behind an odd one: two timestamps look fine, what is between them does not.
        let (_, timer) = believe([512 * 12 + 7, 512 * 21 + 7], 1.0, 1e-5);
        assert_eq!(timer, Timer::Device);
        let coarse = Some(Doubt::Coarse);
        assert_eq!(Doubt::of_ticks(&[512 * 9, 512 * 19]), coarse);
        assert_eq!(Doubt::of_ticks(&[512 * 15, 512 * 31, 512 * 15]), coarse);
        assert_eq!(Doubt::of_ticks(&[512 * 16, 512 * 33]), None);
        assert_eq!(Doubt::of_ticks(&[512 * 9, 512 * 19, 512 * 19 + 1]), None);
        // One time alone tells nothing, nor do none.
        assert_eq!(Doubt::of_ticks(&[512]), None);
        assert_eq!(Doubt::of_ticks(&[0, 0]), None);
    }

    #[test]
    fn planted_timestamps_are_found_out() {
        let planted = [
            (0, 0, Doubt::Absent),
            (3_000, 3_000, Doubt::NotAscending),
            (3_001, 1_000, Doubt::NotAscending),
            (0, 0xffff_ffff_ffff, Doubt::TooLong),
            (1, 20_000, Doubt::TooLong),
            (0, 1_000, Doubt::Coarse),
            (64_000, 72_000, Doubt::Coarse),
            // 15 steps of 512 ticks.
            (103_424, 111_104, Doubt::Coarse),
        ];
        for (begin, end, doubt) in planted {
            let (seconds, timer) = believe([begin, end], 1.0, 1e-5);
            assert_eq!(timer, Timer::Wall(doubt), "{begin}..{end}");
            assert_eq!(seconds.to_bits(), 1e-5f64.to_bits(), "{begin}..{end}");
        }
    }
}
