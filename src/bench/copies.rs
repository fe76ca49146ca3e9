//! How fast a device moves bytes: by the copy kernel, which is what rows are held against, and by wgpu's own copy.

use super::{COPY_BYTES, Spread, copy, rate, repetitions, samples, warm_up};
use crate::device::{Buffer, Device};
use crate::error::Result;
use crate::session::{Doubt, Timer, Timing, wall};

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

/// Measures both in turn, each in memory of its own, after a warm-up. A pass cannot hold copies and so no timestamps around them: the time of one is
/// [`Timing::slope`], for the kernel too.
///
/// # Errors
/// What preparing or running them reports.
pub fn measure_copies(device: &Device) -> Result<Copies> {
    let (mut kernel, bytes) = copy(device, 2 * COPY_BYTES)?;
    let command = Command::new(device, bytes / 2)?;
    warm_up(&mut [&mut kernel])?;
    let kernel = |copies| kernel.session.time(copies);
    let command = |copies| command.time(copies);
    command(1)?;
    let counts = [kernel(1)?, command(1)?].map(|once| repetitions(SAMPLE_SECONDS, once.wall));
    let rates = samples(SECONDS, || {
        let slopes = [slope(counts[0], kernel)?, slope(counts[1], command)?];
        Ok(slopes.map(|seconds| rate(bytes, seconds)))
    })?;
    let [kernel, command] = [0, 1].map(|at| rates.iter().map(|pair| pair[at]).collect::<Vec<_>>());
    Ok(Copies {
        bytes,
        kernel: Spread::of(&kernel),
        command: Spread::of(&command),
    })
}

/// Seconds of one of so many copies, from twice as many.
fn slope(copies: u32, time: impl Fn(u32) -> Result<Timing>) -> Result<f64> {
    Ok(time(copies)?.slope(&time(2 * copies)?))
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

    /// Time of one of so many copies.
    fn time(&self, copies: u32) -> Result<Timing> {
        let command = self.device.scoped(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let mut encoder = self.device.wgpu().create_command_encoder(&descriptor);
            for _ in 0..copies {
                encoder.copy_buffer_to_buffer(&self.source, 0, &self.target, 0, self.bytes);
            }
            encoder.finish()
        })?;
        let wall = wall(self.device, command)? / f64::from(copies);
        Ok(Timing {
            seconds: wall,
            timer: Timer::Wall(Doubt::Absent),
            wall,
            repetitions: copies,
            ticks: 0,
        })
    }
}
