//! `cargo bench`: device time of each bench case against a copy of the same bytes, and against the CPU path.
//!
//! The same measurement as `wgcnn bench`, without the command line: one line per case. A word on the command line
//! selects the cases whose name contains it.

use wgcnn::bench::{measure, measure_cpu};
use wgcnn::{Device, Result, cases};

fn main() -> Result<()> {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    let device = Device::new()?;
    println!("{}", device.adapter());
    let cases = cases::named().into_iter();
    for case in cases.filter(|case| case.bench && case.name.contains(&wanted)) {
        let gpu = measure(&device, &case)?;
        let cpu = measure_cpu(&case)?;
        println!(
            "{:<31} {:>9.3} ms ({}), {:.2} of a copy, cpu {:.3} ms",
            case.name,
            gpu.time.median * 1e3,
            gpu.timer,
            gpu.rate() / gpu.copy_rate(),
            cpu.median * 1e3,
        );
    }
    Ok(())
}
