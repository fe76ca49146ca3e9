//! How long the device works on a session.

use super::Session;
use crate::device::lock;
use crate::error::Result;
use std::fmt;
use std::time::Instant;

/// Which clock a time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Timestamps that the device writes around the pass.
    Device,
    /// The host's clock around submission and completion, for the device's is not to be believed.
    Wall(Doubt),
}

/// Why timestamps of a device are not believed.
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
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Absent => "the device has no timestamps",
            Self::NotAscending => "the device's timestamps do not ascend",
            Self::TooLong => "the device's timestamps are further apart than the host waited",
            Self::Coarse => "the device's clock makes fewer than 16 steps in a sample",
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

/// Time of one repetition.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Seconds.
    pub seconds: f64,
    /// The clock.
    pub timer: Timer,
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
        let repetitions = repetitions.max(1);
        self.run_prologue()?;
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
            let steps = self.plan.prologue..self.steps.len();
            self.encode(&mut encoder, steps, repetitions, writes);
            if let Some(queries) = &queries {
                encoder.resolve_query_set(queries, 0..2, &resolved, 0);
            }
            encoder.finish()
        })?;
        let start = Instant::now();
        let submission = self
            .device
            .scoped(|| self.device.queue().submit([command]))?;
        self.device.wait(submission)?;
        let wall = start.elapsed().as_secs_f64();
        let ticks = match queries {
            Some(_) => self.device.read(&resolved, 16)?,
            None => vec![0; 16],
        };
        let period = f64::from(self.device.queue().get_timestamp_period());
        let (seconds, timer) = believe(&ticks, period, wall);
        Ok(Timing {
            seconds: seconds / f64::from(repetitions),
            timer,
        })
    }
}

impl Session {
    /// Runs the prologue if it has to.
    fn run_prologue(&self) -> Result<()> {
        let changes = lock(&self.changes);
        let Some(stale) = self.stale(&changes) else {
            return Ok(());
        };
        self.device.scoped(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let mut encoder = self.device.wgpu().create_command_encoder(&descriptor);
            self.encode(&mut encoder, 0..self.plan.prologue, 1, None);
            self.device.queue().submit([encoder.finish()])
        })?;
        *lock(&self.prepared) = Some(stale);
        Ok(())
    }
}

/// The device's time if its two timestamps can be believed, else the host's.
fn believe(ticks: &[u8], period_ns: f64, wall: f64) -> (f64, Timer) {
    let (begin, end) = ticks.split_at(8);
    let tick = |bytes: &[u8]| {
        let bytes = bytes.iter().rev();
        bytes.fold(0u64, |tick, &byte| (tick << 8) | u64::from(byte))
    };
    let (begin, end) = (tick(begin), tick(end));
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

    fn ticks(begin: u64, end: u64) -> Vec<u8> {
        [begin.to_le_bytes(), end.to_le_bytes()].concat()
    }

    #[test]
    fn plausible_timestamps_are_believed() {
        // The second pair has steps of 32 ticks, as many devices' clocks do.
        for (begin, end, expected) in [(1_001, 3_001, 2e-6), (64_032, 66_592, 2.56e-6)] {
            let (seconds, timer) = believe(&ticks(begin, end), 1.0, 1e-5);
            assert_eq!(timer, Timer::Device);
            assert!((seconds - expected).abs() < 1e-12);
        }
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
            let (seconds, timer) = believe(&ticks(begin, end), 1.0, 1e-5);
            assert_eq!(timer, Timer::Wall(doubt), "{begin}..{end}");
            assert_eq!(seconds.to_bits(), 1e-5f64.to_bits(), "{begin}..{end}");
        }
    }
}
