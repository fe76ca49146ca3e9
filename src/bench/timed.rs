//! What is timed, and how it is made ready for that: in how much memory, how often in a sample, by which clock.

use super::{SAMPLES, Spread, samples, traffic};
use crate::cases::Input;
use crate::device::{Device, Kind};
use crate::error::Result;
use crate::plan::Plan;
use crate::session::{Doubt, Feed, Session, Timer, Timing};
use crate::variables::Variables;
use std::time::Instant;

/// A sample lasts so long at least, by repetition.
const SAMPLE_SECONDS: f64 = 1e-3;
/// Seconds of work, without a gain, before something is timed, and the most with gains; what a gain takes less time than the best so far.
pub(super) const WARM_UP: f64 = 0.3;
const MOST_WARM_UP: f64 = 3.0;
const GAIN: f64 = 0.98;
/// How often a sample is taken again whose clock looks coarse.
const COARSE: usize = 3;
/// Bytes beyond the last cache of any GPU, and the most sessions that move as many by turns.
const CACHE: u64 = 512 << 20;
const MOST_SETS: u64 = 32;

/// How many repetitions last so many seconds, given those of one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates"
)]
pub(super) fn repetitions(seconds: f64, once: f64) -> u32 {
    (seconds / once).ceil().clamp(1.0, 1000.0) as u32
}

/// What can be timed: its inputs are on the device and stay there.
pub(super) struct Timed {
    pub(super) session: Session,
    /// The same in other memory, which repetitions take by turns: [`sets`].
    others: Vec<Session>,
    repetitions: u32,
    /// Why the device's clock is not used.
    doubt: Option<Doubt>,
}

impl Timed {
    pub(super) fn new(
        device: &Device,
        plan: &Plan,
        variables: &Variables,
        inputs: &[Input],
    ) -> Result<Self> {
        let session = || {
            let mut session = Session::with_plan(device, plan.clone(), variables)?;
            let feeds = inputs.iter();
            let feeds = feeds.map(|(name, tensor)| (name.as_str(), Feed::Tensor(tensor)));
            session.run_to_buffers(feeds, &[])?;
            Ok(session)
        };
        let others = (1..sets(device, traffic(plan))).map(|_| session());
        Ok(Self {
            others: others.collect::<Result<_>>()?,
            ..Self::of(session()?)
        })
    }

    /// Of a session that has run.
    pub(super) const fn of(session: Session) -> Self {
        Self {
            session,
            others: Vec::new(),
            repetitions: 1,
            doubt: None,
        }
    }

    /// Time of so many repetitions. Of two ticks that happen to have a large common divisor the clock looks coarse: one that is looks so
    /// every time.
    fn time(&self, repetitions: u32) -> Result<Timing> {
        let mut timing = self.session.time_in_turn(&self.others, repetitions)?;
        for _ in 0..COARSE {
            if timing.timer != Timer::Wall(Doubt::Coarse) {
                break;
            }
            timing = self.session.time_in_turn(&self.others, repetitions)?;
        }
        Ok(timing)
    }

    /// Seconds of a repetition, and whether they are more from now on, for a sample is too short.
    fn calibrated(&mut self) -> Result<(f64, bool)> {
        let timing = self.time(self.repetitions)?;
        let more = repetitions(SAMPLE_SECONDS, timing.seconds);
        let grows = more > self.repetitions;
        if grows {
            // Of so few that a start is most of their time, one looks longer than it is.
            self.repetitions = more.min(10 * self.repetitions);
        }
        Ok((timing.seconds, grows))
    }

    pub(super) fn sample(&self) -> Result<(f64, Timer)> {
        let timing = self.time(self.repetitions)?;
        Ok(match self.doubt {
            None => (timing.seconds, timing.timer),
            Some(doubt) => (timing.wall, Timer::Wall(doubt)),
        })
    }

    /// Why the device's clock is not used, if it looks coarse or the host's disagrees: first once, and as one sample may be
    /// disturbed, again and again before that counts.
    fn find_doubt(&self) -> Result<Option<Doubt>> {
        let (mut device, mut slopes, mut ticks) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let [once, twice] = [1, 2].map(|times| self.time(self.repetitions * times));
            let (once, twice) = (once?, twice?);
            if let Timer::Wall(doubt) = once.timer {
                return Ok(Some(doubt));
            }
            device.push(once.seconds);
            slopes.push(once.slope(&twice));
            let believed = [&once, &twice].into_iter();
            let believed = believed.filter(|timing| timing.timer == Timer::Device);
            ticks.extend(believed.map(|timing| timing.ticks));
            let doubt = Doubt::of_ticks(&ticks).or_else(|| {
                Doubt::of_slope(Spread::of(&device).median, Spread::of(&slopes).median)
            });
            if doubt.is_none() || slopes.len() == SAMPLES.1 {
                return Ok(doubt);
            }
        }
    }
}

/// [`samples`] of all in turn, and their clock: if one of them cannot be timed by the device's, all are by the host's.
pub(super) fn by_one_clock(seconds: f64, all: &mut [&mut Timed]) -> Result<(Vec<Vec<f64>>, Timer)> {
    loop {
        let taken = samples(seconds, || {
            let all = all.iter().map(|timed| timed.sample());
            all.collect::<Result<Vec<_>>>()
        })?;
        let doubt = taken.iter().flatten().find_map(|(_, timer)| match timer {
            Timer::Device => None,
            Timer::Wall(doubt) => Some(*doubt),
        });
        if let Some(doubt) = doubt
            && all.iter().any(|timed| timed.doubt.is_none())
        {
            for timed in &mut *all {
                timed.doubt = Some(doubt);
            }
            continue;
        }
        let seconds = |all: &Vec<(f64, Timer)>| all.iter().map(|(seconds, _)| *seconds).collect();
        let timer = doubt.map_or(Timer::Device, Timer::Wall);
        return Ok((taken.iter().map(seconds).collect(), timer));
    }
}

/// In how much memory something that moves so many bytes is timed by turns.
fn sets(device: &Device, bytes: u64) -> u64 {
    match device.adapter().kind {
        // Its cache is one of the CPU, of which nothing tells whose it is.
        Kind::Software => 1,
        _ => CACHE.div_ceil(bytes.max(1)).clamp(1, MOST_SETS),
    }
}

/// Finds how many repetitions a sample is, while what is to be timed becomes faster: GPUs raise their clocks under load, by and by, and
/// caches fill. Then, whether the device's clock can be believed.
pub(super) fn warm_up(all: &mut [&mut Timed]) -> Result<()> {
    let start = Instant::now();
    let (mut gained, mut best) = (start, f64::INFINITY);
    while gained.elapsed().as_secs_f64() < WARM_UP && start.elapsed().as_secs_f64() < MOST_WARM_UP {
        let (mut round, mut grew) = (0.0, false);
        for timed in &mut *all {
            let (seconds, grows) = timed.calibrated()?;
            round += seconds;
            grew |= grows;
        }
        if grew || round < GAIN * best {
            (gained, best) = (Instant::now(), round.min(best));
        }
    }
    for timed in all {
        timed.doubt = timed.find_doubt()?;
    }
    Ok(())
}
