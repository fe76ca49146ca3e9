//! How fast a device moves bytes: by the copy kernel, which is what rows are held against, and by wgpu's own copy.

use super::{COPY_BYTES, Spread, Timed, copy, rate, samples};
use crate::device::{Buffer, Device};
use crate::error::Result;
use std::time::Instant;

/// Bytes a second, read and written, of two ways to copy a buffer, by the host's clock.
#[derive(Clone, Copy, Debug)]
pub struct Copies {
    /// Bytes that a copy reads and writes.
    pub bytes: u64,
    /// Of the copy kernel.
    pub kernel: Spread,
    /// Of `copy_buffer_to_buffer`.
    pub command: Spread,
}

/// A sample of one copy is so many of them that they last so long, and twice as many.
const SAMPLE_SECONDS: f64 = 1e-2;
/// Seconds of samples, unless they are the fewest.
const SECONDS: f64 = 1.0;

/// Measures both in turn, after a warm-up. A pass cannot hold copies and so no timestamps around them: the time of one is what
/// twice as many take longer by the host's clock, over how many these are, for the kernel too.
///
/// # Errors
/// What preparing or running them reports.
pub fn measure_copies(device: &Device) -> Result<Copies> {
    let (kernel, bytes) = copy(device, 2 * COPY_BYTES)?;
    let command = Command::new(device, bytes / 2)?;
    command.wall(1)?;
    let counts = [kernel.session.time(1)?.seconds, command.wall(1)?].map(count);
    let rates = samples(SECONDS, || {
        let kernel = slope(counts[0], |copies| wall(&kernel, copies))?;
        let command = slope(counts[1], |copies| command.wall(copies))?;
        Ok([kernel, command].map(|seconds| rate(bytes, seconds)))
    })?;
    let [kernel, command] = [0, 1].map(|at| rates.iter().map(|pair| pair[at]).collect::<Vec<_>>());
    Ok(Copies {
        bytes,
        kernel: Spread::of(&kernel),
        command: Spread::of(&command),
    })
}

/// How many copies are in a sample, given the seconds of one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates"
)]
fn count(seconds: f64) -> u32 {
    (SAMPLE_SECONDS / seconds).ceil().clamp(1.0, 1000.0) as u32
}

/// Seconds that one more takes, where `wall` is what so many take: what submitting and waiting costs cancels.
fn slope(count: u32, mut wall: impl FnMut(u32) -> Result<f64>) -> Result<f64> {
    let (once, twice) = (wall(count)?, wall(2 * count)?);
    Ok((twice - once) / f64::from(count))
}

/// Seconds of so many runs of a session until they are done.
fn wall(timed: &Timed, runs: u32) -> Result<f64> {
    Ok(timed.session.time(runs)?.wall * f64::from(runs))
}

/// `copy_buffer_to_buffer` of all of one buffer to another.
struct Command<'a> {
    device: &'a Device,
    source: Buffer,
    target: Buffer,
    bytes: u64,
}

impl<'a> Command<'a> {
    fn new(device: &'a Device, bytes: u64) -> Result<Self> {
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let source = device.buffer("source of copies", bytes, usage)?;
        let target = device.buffer("target of copies", bytes, usage)?;
        let mut random = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        fastrand::Rng::with_seed(1).fill(&mut random);
        device.scoped(|| device.write(&source, 0, &random))?;
        Ok(Self {
            device,
            source,
            target,
            bytes,
        })
    }

    /// Seconds of so many copies until they are done.
    fn wall(&self, copies: u32) -> Result<f64> {
        let command = self.device.scoped(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let mut encoder = self.device.wgpu().create_command_encoder(&descriptor);
            for _ in 0..copies {
                encoder.copy_buffer_to_buffer(&self.source, 0, &self.target, 0, self.bytes);
            }
            encoder.finish()
        })?;
        let start = Instant::now();
        let submission = self
            .device
            .scoped(|| self.device.queue().submit([command]))?;
        self.device.wait(submission)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_free_of_what_is_paid_once() -> Result<()> {
        let mut counts = Vec::new();
        let seconds = slope(3, |count| {
            counts.push(count);
            Ok(100.0 + 0.5 * f64::from(count))
        })?;
        assert!((seconds - 0.5).abs() < 1e-12, "{seconds}");
        assert_eq!(counts, [3, 6]);
        Ok(())
    }
}
