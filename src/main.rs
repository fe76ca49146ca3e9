//! `wgcnn`: which GPUs there are, a CNN block on a photograph, the cost of networks, conformance and speed
//! of a device.

mod cli;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "CNN layers on any GPU, checked against the CPU")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List adapters and backends with the features and limits that matter here
    Devices {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Run the main unit on a photograph and compare the device with the CPU
    Run {
        /// PNG or JPEG, reduced to two megapixels if it has more; a built-in photograph of a cat by default
        image: Option<PathBuf>,
        /// Write a contact sheet of the feature maps after each step (PNG)
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Show what networks cost before they run: each dispatch, memory, limits, and the time at the speed of a copy
    Plan {
        /// unit, resnet18 or unet; all of them by default
        network: Option<String>,
        /// One kernel for each layer
        #[arg(long)]
        unfused: bool,
        /// Run it, and show beside the predicted time of each dispatch what it took
        #[arg(long)]
        measure: bool,
        /// Run it, and write what each dispatch took for chrome://tracing or Perfetto
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
        /// Write the plans as JSON, `-` for standard output
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Compare every layer on the device with the f64 oracle
    Check {
        #[command(flatten)]
        filter: Filter,
        /// Only the case of this name
        #[arg(long, value_name = "NAME", conflicts_with = "op")]
        case: Option<String>,
        /// Random cases beside the named ones
        #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "case")]
        #[arg(value_parser = clap::value_parser!(u64).range(..1 << 32))]
        random: u64,
        /// Random cases alone
        #[arg(long, requires = "random", conflicts_with_all = ["list", "case"])]
        no_named: bool,
        /// Seed of the first random case
        #[arg(long, value_name = "S", default_value_t = 0)]
        #[arg(value_parser = clap::value_parser!(u64).range(..1 << 63))]
        seed: u64,
        /// Print the names of the named cases and what they show
        #[arg(long, conflicts_with = "json")]
        list: bool,
        /// Write the results as JSON, `-` for standard output
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Time every layer against a copy of the same bytes and against the CPU
    Bench {
        #[command(flatten)]
        filter: Filter,
        /// Only this case
        #[arg(long, value_name = "NAME", conflicts_with = "op")]
        case: Option<String>,
        /// Write the table as JSON, `-` for standard output
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Write a page with charts
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Compare with the JSON of an earlier run: the exit status is 3 if a case is slower, beyond the spread of both
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
        /// Time each row that misses its goal, and copies, without parts of their kernels as well: loads, stores, ...
        #[arg(long)]
        parts: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Print the seconds to the first result of a network in this process: `bench` starts one for each sample
    #[command(hide = true)]
    FirstResult {
        network: String,
        /// Open the device with the pipelines of this folder, and save them there
        #[arg(long, value_name = "DIR")]
        pipelines: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Args)]
struct Filter {
    /// Only this layer, `fusion` or `unit`
    #[arg(long, value_name = "NAME")]
    op: Option<String>,
}

#[derive(Args)]
struct Target {
    /// Index in the list of `devices`, or part of an adapter's name
    #[arg(long, global = true)]
    device: Option<String>,
    /// vulkan, metal, dx12 or gl
    #[arg(long, global = true)]
    backend: Option<String>,
}

impl From<Target> for wgcnn::Selection {
    fn from(target: Target) -> Self {
        Self {
            device: target.device,
            backend: target.backend,
        }
    }
}

/// The CPU path makes its outputs anew in every run: an allocator that keeps pages does not time the kernel's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A reader that closes the pipe (`| head`) ends the program quietly.
    sigpipe::reset();
    let result = match Cli::parse().command {
        Command::Devices { json, target } => cli::devices::run(json, &target.into()),
        Command::Run { image, out, target } => {
            cli::run::run(image.as_deref(), out.as_deref(), &target.into())
        }
        Command::Plan {
            network,
            unfused,
            measure,
            json,
            trace,
            target,
        } => cli::plan::run(
            &cli::plan::Request {
                network,
                unfused,
                measure,
                json,
                trace,
            },
            &target.into(),
        ),
        Command::Check {
            filter,
            case,
            random,
            no_named,
            seed,
            list,
            json,
            target,
        } => cli::check::run(
            &cli::check::Request {
                op: filter.op,
                case,
                random,
                named: !no_named,
                seed,
                list,
                json,
            },
            &target.into(),
        ),
        Command::Bench {
            filter,
            case,
            json,
            html,
            baseline,
            parts,
            target,
        } => cli::bench::run(
            &cli::bench::Request {
                op: filter.op,
                case,
                json,
                html,
                baseline,
                parts,
            },
            &target.into(),
        ),
        Command::FirstResult {
            network,
            pipelines,
            target,
        } => cli::bench::first_result::run(&network, pipelines.as_deref(), &target.into()),
    };
    result.unwrap_or_else(|error| {
        cli::complain!("error: {error}");
        ExitCode::FAILURE
    })
}
