//! The command line, as a user calls it. What needs an adapter is ignored without one, and fails with `REQUIRE_GPU=1`.

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::process::{Child, Command, ExitCode, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

type Test = fn() -> Result<(), Failed>;

fn main() -> ExitCode {
    let anywhere: [(&str, Test); 3] = [
        ("a_full_disk_ends_with_status_1", full_disk),
        ("mistakes_end_with_status_1_and_say_why", mistakes),
        ("a_device_that_is_not_there_is_an_error", absent_device),
    ];
    let without_adapter: [(&str, Test); 3] = [
        (
            "without_an_adapter_plan_takes_the_defaults_of_webgpu",
            plan_without_an_adapter,
        ),
        (
            "without_an_adapter_check_fails_and_says_how_to_get_one",
            check_without_an_adapter,
        ),
        (
            "without_an_adapter_bench_goes_on_and_says_so_first",
            bench_without_an_adapter,
        ),
    ];
    let on_a_device: [(&str, Test); 12] = [
        ("plan_shows_every_dispatch_and_its_cost", plan),
        ("plan_measures_every_dispatch_and_writes_a_trace", trace),
        ("bench_writes_a_page_that_needs_no_other_file", html),
        ("bench_says_what_is_slower_than_a_baseline", baseline),
        (
            "a_backend_of_the_environment_is_not_replaced",
            absent_backend,
        ),
        ("devices_are_listed_as_text_and_as_json", devices),
        ("check_reports_a_row_per_layer", check),
        ("bench_writes_every_column_as_json", bench),
        ("bench_explains_a_straight_table_and_sums_it_up", printed),
        ("bench_times_what_misses_without_its_parts", parts),
        ("run_writes_a_sheet_per_step", run),
        (
            "a_first_result_is_seconds_and_leaves_pipelines",
            first_result,
        ),
    ];
    let required = std::env::var_os("REQUIRE_GPU").is_some_and(|value| value == "1");
    let ignored = !required && !wgcnn(&["devices"], &[]).status.success();
    let shown = !cfg!(target_os = "linux");
    let trial = |(name, test): (&str, Test)| Trial::test(name, test);
    let pipe = trial(("a_reader_of_a_named_pipe_has_all_of_it", named_pipe as Test));
    let anywhere = anywhere.into_iter().map(trial);
    let without = without_adapter.into_iter().map(trial);
    let on_a_device = on_a_device.into_iter().map(trial);
    let trials = anywhere
        .chain([pipe.with_ignored_flag(cfg!(not(unix)))])
        .chain(without.map(|test| test.with_ignored_flag(shown)))
        .chain(on_a_device.map(|test| test.with_ignored_flag(ignored)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

#[expect(clippy::expect_used, reason = "a test fails by panicking")]
fn wgcnn(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_wgcnn"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output();
    output.expect("the command starts")
}

/// An interface that this system does not have.
const ABSENT: &str = if cfg!(target_vendor = "apple") {
    "dx12"
} else {
    "metal"
};

/// Hides the drivers of Linux from the loaders of Vulkan and EGL.
const HIDDEN: [(&str, &str); 3] = [
    ("VK_ICD_FILENAMES", "/dev/null"),
    ("VK_DRIVER_FILES", "/dev/null"),
    ("__EGL_VENDOR_LIBRARY_FILENAMES", "/dev/null"),
];

fn expect(condition: bool, what: &str, output: &Output) -> Result<(), Failed> {
    if condition {
        return Ok(());
    }
    Err(Failed::from(format!("{what}: {output:#?}")))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Result<Value, Failed> {
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failed::from(format!("{error}: {output:#?}")))
}

fn mistakes() -> Result<(), Failed> {
    if std::path::Path::new("/dev/zero").exists() {
        let output = wgcnn(&["run", "/dev/zero"], &[]);
        let says = text(&output.stderr).contains("/dev/zero: expected a picture");
        expect(says, "no picture without an end", &output)?;
    }
    let file = scratch("two.json");
    let same = format!("{}/./two.json", env!("CARGO_TARGET_TMPDIR"));
    let link = scratch("link.json");
    std::fs::write(&file, "")?;
    std::fs::remove_file(&link).ok();
    std::fs::hard_link(&file, &link)?;
    let mistakes: [(&[&str], &str); 11] = [
        (&["check", "--op", "convolution"], "batch_norm"),
        (&["bench", "--op", "convolution"], "batch_norm"),
        (&["check", "--case", "conv/nothing"], "conv/nothing"),
        (&["first-result", "vgg"], "unit, resnet18, unet"),
        (&["run", "Cargo.toml"], "expected a picture"),
        (&["run", "src"], "src"),
        (
            &["bench", "--op", "add", "--json", "no/such/folder/file"],
            "no/such/folder/file",
        ),
        (
            &["bench", "--op", "add", "--json", "-", "--html", "-"],
            "two outputs",
        ),
        (&["plan", "--json", "-", "--trace", "-"], "two outputs"),
        (
            &["bench", "--op", "add", "--json", &file, "--html", &same],
            "two outputs",
        ),
        (
            &["bench", "--op", "add", "--json", &file, "--html", &link],
            "two outputs",
        ),
    ];
    for (arguments, says) in mistakes {
        let output = wgcnn(arguments, &[]);
        let error = text(&output.stderr);
        expect(output.status.code() == Some(1), "status 1", &output)?;
        expect(
            error.contains("error: ") && error.contains(says),
            says,
            &output,
        )?;
        expect(output.stdout.is_empty(), "no figures", &output)?;
    }
    Ok(())
}

fn absent_device() -> Result<(), Failed> {
    let name = "no such GPU";
    let wanted: [(&[&str], &str); 3] = [
        (&["check", "--device", name], ""),
        (&["check", "--backend", ABSENT], ""),
        (&["check", "--op", "add"], name),
    ];
    for (arguments, in_environment) in wanted {
        let environment = [("WGPU_ADAPTER_NAME", in_environment)];
        let output = wgcnn(
            arguments,
            &environment[usize::from(in_environment.is_empty())..],
        );
        let error = text(&output.stderr);
        expect(output.status.code() == Some(1), "status 1", &output)?;
        let named = error.contains(name) || error.contains(ABSENT);
        expect(named, "what was wanted", &output)?;
    }
    Ok(())
}

fn full_disk() -> Result<(), Failed> {
    if !std::path::Path::new("/dev/full").exists() {
        return Ok(());
    }
    let full = || std::fs::File::create("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_wgcnn"))
        .args(["check", "--list"])
        .stdout(full()?)
        .output()?;
    expect(output.status.code() == Some(1), "status 1", &output)?;
    let said = text(&output.stderr).contains("error: standard output");
    expect(said, "why", &output)?;
    let output = Command::new(env!("CARGO_BIN_EXE_wgcnn"))
        .args(["check", "--op", "convolution"])
        .stderr(full()?)
        .output()?;
    expect(output.status.code() == Some(1), "status 1", &output)
}

/// One that is opened and closed before it is written ends for its reader, and has none then.
fn named_pipe() -> Result<(), Failed> {
    let pipe = scratch("pipe");
    let _ = std::fs::remove_file(&pipe);
    let made = Command::new("mkfifo").arg(&pipe).output()?;
    expect(made.status.success(), "a pipe", &made)?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_wgcnn"))
        .args(["plan", "unit", "--json", &pipe])
        .stdout(Stdio::null())
        .spawn()?;
    let name = pipe.clone();
    let reader = std::thread::spawn(move || std::fs::read_to_string(name));
    // It may wait for another reader.
    let status = ended(&mut child)?;
    // The reader may wait for a writer.
    let writer = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)?;
    drop(writer);
    let read = reader.join().map_err(|_| "the reader")??;
    let plans: Value = serde_json::from_str(&read).unwrap_or_default();
    if !(status.success() && plans["networks"][0]["dispatches"].is_u64()) {
        return Err(Failed::from(format!(
            "{status}, and the reader has {read:?}"
        )));
    }
    let mut twice = Command::new(env!("CARGO_BIN_EXE_wgcnn"))
        .args(["plan", "unit", "--json", &pipe, "--trace", &pipe])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    ended(&mut twice)?;
    let output = twice.wait_with_output()?;
    let named = text(&output.stderr).contains("two outputs");
    expect(
        output.status.code() == Some(1) && named,
        "one pipe",
        &output,
    )
}

/// How a program ends, by itself or after a minute.
fn ended(child: &mut Child) -> std::io::Result<ExitStatus> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()
}

/// Neither by another adapter nor by the CPU.
fn absent_backend() -> Result<(), Failed> {
    for command in ["check", "bench", "run"] {
        let output = wgcnn(&[command], &[("WGPU_BACKEND", ABSENT)]);
        expect(output.status.code() == Some(1), "status 1", &output)?;
        let named = text(&output.stderr).contains(&format!("WGPU_BACKEND {ABSENT:?}"));
        expect(named, "what was wanted", &output)?;
        expect(output.stdout.is_empty(), "no figures", &output)?;
    }
    Ok(())
}

fn check_without_an_adapter() -> Result<(), Failed> {
    let output = wgcnn(&["check", "--op", "add"], &HIDDEN);
    expect(output.status.code() == Some(1), "status 1", &output)?;
    let hint = "apt-get install mesa-vulkan-drivers";
    expect(text(&output.stderr).contains(hint), hint, &output)?;
    // Also where a backend is asked for.
    let asked = [&HIDDEN[..], &[("WGPU_BACKEND", "vulkan")]].concat();
    let output = wgcnn(&["check", "--op", "add"], &asked);
    expect(text(&output.stderr).contains(hint), hint, &output)
}

fn bench_without_an_adapter() -> Result<(), Failed> {
    let arguments = ["bench", "--op", "add", "--json", "-"];
    let output = wgcnn(&arguments, &HIDDEN);
    expect(output.status.success(), "status 0", &output)?;
    let said = text(&output.stderr).contains("Going on with the CPU path alone");
    expect(said, "that there is no device", &output)?;
    let table = json(&output)?;
    let row = &table["rows"][0];
    expect(table["header"]["adapter"].is_null(), "no adapter", &output)?;
    expect(
        row["gpu_ms"].is_null() && row["copy_ratio"].is_null(),
        "no device time",
        &output,
    )?;
    expect(
        row["cpu_ms"].as_f64() > Some(0.0),
        "a time of the CPU path",
        &output,
    )?;
    expect(row["checked"] == true, "checked", &output)
}

/// Of each network of `wgcnn plan --json -`: the name, and whether its numbers fit each other.
fn networks(output: &Output) -> Result<Vec<(String, bool)>, Failed> {
    let plan = json(output)?;
    let networks = plan["networks"].as_array().ok_or("no networks")?;
    let network = |network: &Value| {
        let steps = network["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let prologue = network["prologue"].as_u64().unwrap_or(u64::MAX);
        let every = steps
            .iter()
            .skip(usize::try_from(prologue).unwrap_or(usize::MAX));
        let sum = |key: &str| {
            every
                .clone()
                .filter_map(|step| step[key].as_u64())
                .sum::<u64>()
        };
        let number = |key: &str| network[key].as_u64().unwrap_or(0);
        let consistent = number("dispatches") == steps.len() as u64
            && number("bytes") == sum("read_bytes") + sum("written_bytes")
            && (1..=number("dispatches")).contains(&number("pipelines"))
            && (1..=number("peak_bytes")).contains(&number("lower_bound_bytes"));
        let name = network["name"].as_str().unwrap_or_default().to_owned();
        (name, consistent)
    };
    Ok(networks.iter().map(network).collect())
}

const NETWORKS: [&str; 3] = ["unit", "resnet18", "unet"];

fn plan_without_an_adapter() -> Result<(), Failed> {
    let output = wgcnn(&["plan", "--json", "-"], &HIDDEN);
    let all = NETWORKS.map(|name| (name.to_owned(), true)).to_vec();
    expect(networks(&output)? == all, "the networks", &output)?;
    let plan = json(&output)?;
    let no_time = plan["networks"][0]["predicted_ms"].is_null();
    let limits = plan["header"]["limits_of"] == "the WebGPU default";
    expect(no_time && limits, "no device", &output)?;
    let output = wgcnn(&["plan", "vgg"], &HIDDEN);
    let error = text(&output.stderr);
    let says = error.contains("\"vgg\"") && error.contains("unit, resnet18, unet");
    expect(
        output.status.code() == Some(1) && says,
        "no such network",
        &output,
    )
}

fn plan() -> Result<(), Failed> {
    let output = wgcnn(&["plan", "--json", "-"], &[]);
    let all = NETWORKS.map(|name| (name.to_owned(), true)).to_vec();
    expect(networks(&output)? == all, "the networks", &output)?;
    let plan = json(&output)?;
    let time = plan["networks"][1]["predicted_ms"].as_f64();
    expect(time.is_some_and(|time| time > 0.0), "a time", &output)?;

    let fused = text(&wgcnn(&["plan", "unet"], &[]).stdout);
    let unfused = wgcnn(&["plan", "unet", "--unfused"], &[]);
    let lines = |text: &str| text.lines().filter(|line| line.contains(" reads ")).count();
    let steps = plan["networks"][2]["dispatches"].as_u64().unwrap_or(0);
    expect(
        lines(&fused) as u64 == steps,
        "a line per dispatch",
        &output,
    )?;
    let more = lines(&text(&unfused.stdout)) > lines(&fused);
    expect(more, "more kernels without fusion", &unfused)
}

fn devices() -> Result<(), Failed> {
    let (listed, table) = (wgcnn(&["devices"], &[]), wgcnn(&["devices", "--json"], &[]));
    let lines = text(&listed.stdout);
    let adapters = json(&table)?;
    let adapters = adapters.as_array().cloned().unwrap_or_default();
    expect(!adapters.is_empty(), "an adapter", &table)?;
    for adapter in &adapters {
        let [name, backend] = ["name", "backend"].map(|key| adapter[key].as_str().unwrap_or("?"));
        let line = lines
            .lines()
            .find(|line| line.contains(name) && line.contains(backend));
        let software = line.is_some_and(|line| line.contains("SOFTWARE"));
        expect(line.is_some(), name, &listed)?;
        expect(
            adapter["software"] == software,
            "labelled as software",
            &listed,
        )?;
    }
    Ok(())
}

fn check() -> Result<(), Failed> {
    let output = wgcnn(
        &["check", "--op", "add", "--random", "3", "--json", "-"],
        &[],
    );
    expect(output.status.success(), "status 0", &output)?;
    let report = json(&output)?;
    let row = &report["layers"][0];
    let cases = report["cases"].as_array().map_or(0, Vec::len);
    expect(
        row["op"] == "add" && row["wrong"] == 0,
        "the row of add",
        &output,
    )?;
    expect(
        row["cases"] == cases && cases > 3,
        "named and random cases",
        &output,
    )?;
    let output = wgcnn(
        &["check", "--random", "28", "--no-named", "--json", "-"],
        &[],
    );
    expect(output.status.success(), "status 0", &output)?;
    let report = json(&output)?;
    let cases = report["cases"].as_array().map_or(&[][..], Vec::as_slice);
    let random = cases.iter().filter(|case| {
        let name = case["case"].as_str();
        name.is_some_and(|name| name.contains("/random/"))
    });
    let alone = cases.len() == 28 && random.count() == 28;
    expect(alone, "random cases alone", &output)?;
    for nothing in [&["--no-named"][..], &["--no-named", "--random", "0"]] {
        let output = wgcnn(&[&["check"], nothing].concat(), &[]);
        expect(!output.status.success(), "no check of nothing", &output)?;
    }
    let replayed = wgcnn(&["check", "--case", "add/random/2"], &[]);
    expect(replayed.status.success(), "status 0", &replayed)?;
    let one = text(&replayed.stdout).contains("1 cases on");
    expect(one, "a printed name replays its case", &replayed)
}

fn bench() -> Result<(), Failed> {
    let output = wgcnn(&["bench", "--op", "sigmoid", "--json", "-"], &[]);
    expect(output.status.success(), "status 0", &output)?;
    let table = json(&output)?;
    let header = ["adapter", "driver", "backend", "cpu", "threads"];
    for key in header {
        expect(!table["header"][key].is_null(), key, &output)?;
    }
    let of_header = |key: &str| table["header"][key].as_f64().unwrap_or(f64::NAN);
    let spread = of_header("peak_gflops_mad") / of_header("peak_gflops");
    expect((0.0..1.0).contains(&spread), "peak and spread", &output)?;
    for copy in ["kernel_gbps", "command_gbps"] {
        let rate = table["header"]["copies"][copy].as_f64();
        expect(rate.is_some_and(|rate| rate > 0.0), copy, &output)?;
    }
    let columns = [
        "case",
        "op",
        "shape",
        "dtype",
        "gpu_ms",
        "gpu_ms_mad",
        "timer",
        "bytes",
        "gbps",
        "copy_gbps",
        "copy_ratio",
        "copy_ratio_mad",
        "kind",
        "cpu_ms",
        "speedup",
        "checked",
    ];
    let rows = table["rows"].as_array().cloned().unwrap_or_default();
    expect(!rows.is_empty(), "a row", &output)?;
    for row in &rows {
        for column in columns {
            expect(!row[column].is_null(), column, &output)?;
        }
        let number = |column: &str| row[column].as_f64().unwrap_or(f64::NAN);
        let rate = number("bytes") / number("gpu_ms") * 1e-6;
        let consistent = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
        expect(consistent(rate, number("gbps")), "bytes over time", &output)?;
        let spread = number("copy_ratio_mad") / number("copy_ratio");
        expect((0.0..1.0).contains(&spread), "ratio and spread", &output)?;
        let least = row["goal"]["least"].as_f64();
        let goal = if row["kind"] == "aligned" { 0.9 } else { 0.75 };
        let reads = row["kind"] == "aligned" || row["kind"] == "odd";
        expect(
            reads && row["goal"]["figure"] == "copy_ratio",
            "bound by memory",
            &output,
        )?;
        expect(least == Some(goal), "the goal of its kind", &output)?;
        expect(row["peak_ratio"].is_null(), "no peak", &output)?;
        let speedup = number("cpu_ms") / number("gpu_ms");
        expect(consistent(speedup, number("speedup")), "speed-up", &output)?;
        expect(row["checked"] == true, "checked", &output)?;
    }
    Ok(())
}

fn parts() -> Result<(), Failed> {
    // Of two kernels.
    let arguments = ["--parts", "--case", "batch_norm/tiny_planes_train"];
    let output = wgcnn(&[&["bench", "--json", "-"], &arguments[..]].concat(), &[]);
    expect(output.status.success(), "status 0", &output)?;
    let table = json(&output)?;
    let row = &table["rows"][0];
    let misses = row["copy_ratio"].as_f64() < row["goal"]["least"].as_f64();
    let parts = row["parts"].as_array().cloned().unwrap_or_default();
    let names = parts.iter().filter_map(|part| part["without"].as_str());
    let names: Vec<_> = names.collect();
    let expected = [
        "nothing",
        "loads",
        "tables",
        "stores",
        "merging",
        "all parts",
    ];
    let kernels = names.iter();
    let kernels = kernels.filter(|name| name.starts_with("all but batch_norm"));
    let kernels = kernels.count();
    let complete = expected.iter().all(|name| names.contains(name)) && kernels >= 2;
    let measured = match misses {
        true => complete,
        false => parts.is_empty(),
    };
    expect(measured, "each part of what misses", &output)
}

fn printed() -> Result<(), Failed> {
    let output = wgcnn(&["bench", "--op", "concat"], &[]);
    let lines = text(&output.stdout);
    let lines: Vec<&str> = lines.lines().collect();
    let place = |start: &str| lines.iter().position(|line| line.starts_with(start));
    let explained = [
        "peak: ",
        "memory: ",
        "cases: ",
        "ratio: ",
        "goals: ratio",
        "case ",
        "concat/",
    ]
    .map(place);
    let order = explained.is_sorted() && explained[0].is_some();
    expect(order, "the legend before the table", &output)?;
    let names = lines.iter().find(|line| line.starts_with("case "));
    let checked = names.and_then(|line| line.find("checked"));
    let mut rows = lines.iter().filter(|line| line.starts_with("concat/"));
    let straight = rows.all(|row| row.rfind("ok") == checked);
    expect(straight, "columns below their names", &output)?;
    let last = lines.iter().rposition(|line| line.starts_with("concat/"));
    let sum = lines
        .iter()
        .rposition(|line| line.starts_with("goals: ") && line.contains(" of 8 rows"));
    expect(sum > last, "the goals behind the table", &output)
}

/// A file for this test alone.
fn scratch(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    folder.join(name).to_string_lossy().into_owned()
}

fn trace() -> Result<(), Failed> {
    let file = scratch("trace.json");
    let output = wgcnn(&["plan", "unit", "--trace", &file, "--json", "-"], &[]);
    let plan = json(&output)?;
    let steps = plan["networks"][0]["steps"].as_array().cloned();
    let measured =
        |step: &&Value| step["measured_ms"][1].as_f64() > step["measured_ms"][0].as_f64();
    let measured = steps.unwrap_or_default().iter().filter(measured).count();
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    let events = trace["traceEvents"].as_array().cloned().unwrap_or_default();
    let spans: Vec<(f64, f64)> = events
        .iter()
        .filter(|event| event["ph"] == "X")
        .filter_map(|event| Some((event["ts"].as_f64()?, event["dur"].as_f64()?)))
        .collect();
    let every = &plan["networks"][0];
    let every = every["dispatches"].as_u64().unwrap_or(0) - every["prologue"].as_u64().unwrap_or(0);
    let all = spans.len() as u64 == every && measured as u64 == every;
    expect(all, "a span for each dispatch of every run", &output)?;
    let apart = spans
        .windows(2)
        .all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
    let long = spans.iter().all(|span| span.1 > 0.0);
    expect(apart && long, "spans behind one another", &output)
}

fn html() -> Result<(), Failed> {
    let file = scratch("bench.html");
    let output = wgcnn(&["bench", "--op", "relu", "--html", &file], &[]);
    expect(output.status.success(), "status 0", &output)?;
    let page = std::fs::read_to_string(&file)?;
    let sections = [
        "in copies",
        "Roofline",
        "goals: ",
        "against size",
        "against CPU",
        "plan of a block",
    ];
    for section in sections {
        expect(page.contains(section), section, &output)?;
    }
    // One chart each, and all of them end.
    let count = |what: &str| page.matches(what).count();
    expect(
        count("<svg") == 5 && count("</svg>") == 5,
        "five charts",
        &output,
    )?;
    // Four shapes in two types have goals of ratio; none is of the speed-up, whose line is at 1.
    let charts = page.split("<svg").skip(1);
    let marks = charts.map(|chart| chart.matches("class=\"mark\"").count());
    let marks: Vec<usize> = marks.collect();
    expect(marks == [8, 0, 0, 0, 1], "goals on bars", &output)?;
    let figures = !page.contains("NaN") && !page.contains("inf");
    expect(figures, "numbers in all places", &output)?;
    let alone = ["src=", "href=", "url(", "<script", "@import"];
    let alone = alone.iter().all(|reference| !page.contains(reference));
    expect(alone, "no other file", &output)?;
    let row = page.contains("<td>relu/large<td>[8, 64, 112, 112]");
    expect(row, "the row of a case", &output)
}

fn baseline() -> Result<(), Failed> {
    let file = scratch("baseline.json");
    let first = wgcnn(&["bench", "--op", "copy", "--json", &file], &[]);
    expect(first.status.success(), "status 0", &first)?;
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    // A baseline in which everything took a thousandth of the time, or a thousand times as long.
    for (factor, status, word) in [(1e-3, 3, "slower"), (1e3, 0, "faster")] {
        let mut report = report.clone();
        for row in report["rows"].as_array_mut().into_iter().flatten() {
            for column in ["gpu_ms", "gpu_ms_mad"] {
                row[column] = (row[column].as_f64().unwrap_or(0.0) * factor).into();
            }
        }
        std::fs::write(&file, report.to_string())?;
        let compared = || {
            let output = wgcnn(&["bench", "--op", "copy", "--baseline", &file], &[]);
            let says = text(&output.stdout).contains(&format!("{word}: copy/"));
            let ends = output.status.code() == Some(status);
            expect(says && ends, word, &output)
        };
        // The tests beside this one may spread the times of all cases so far that nothing can be said.
        compared().or_else(|_| compared()).or_else(|_| compared())?;
    }
    // Its own report, with a spread beyond what the tests beside this one make of a time.
    let mut report = report;
    let mut cases = 0;
    for row in report["rows"].as_array_mut().into_iter().flatten() {
        row["gpu_ms_mad"] = row["gpu_ms"].clone();
        cases += 1;
    }
    std::fs::write(&file, report.to_string())?;
    let output = wgcnn(&["bench", "--op", "copy", "--baseline", &file], &[]);
    let line = format!("baseline: 0 slower, 0 faster, {cases} the same");
    let says = cases > 0 && text(&output.stdout).contains(&line);
    let ends = output.status.code() == Some(0);
    expect(says && ends, "the same", &output)?;
    std::fs::write(&file, "{}")?;
    let output = wgcnn(&["bench", "--op", "copy", "--baseline", &file], &[]);
    let says = text(&output.stderr).contains("header");
    let ends = output.status.code() == Some(1) && output.stdout.is_empty();
    expect(
        says && ends,
        "no report is an error, before the work",
        &output,
    )
}

/// The subcommand that `bench` starts for each sample.
fn first_result() -> Result<(), Failed> {
    let folder = scratch("pipelines");
    let _ = std::fs::remove_dir_all(&folder);
    // From nothing, and with what the first has left.
    for _ in 0..2 {
        let output = wgcnn(&["first-result", "unit", "--pipelines", &folder], &[]);
        let seconds = text(&output.stdout).trim().parse::<f64>();
        let positive = seconds.is_ok_and(|seconds| seconds > 0.0);
        expect(output.status.success() && positive, "seconds", &output)?;
    }
    let absent = wgcnn(&["first-result", "unit", "--backend", ABSENT], &[]);
    let named = text(&absent.stderr).contains(ABSENT);
    expect(
        absent.status.code() == Some(1) && named,
        "no device",
        &absent,
    )?;
    let help = wgcnn(&["--help"], &[]);
    let hidden = !text(&help.stdout).contains("first-result");
    expect(hidden, "no command for users", &help)
}

fn run() -> Result<(), Failed> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sheets");
    let _ = std::fs::remove_dir_all(&folder);
    let output = wgcnn(&["run", "--out", &folder.to_string_lossy()], &[]);
    expect(output.status.success(), "status 0", &output)?;
    let lines = text(&output.stdout);
    expect(!lines.contains("WRONG"), "nothing wrong", &output)?;
    for step in [
        "normalize",
        "conv",
        "batch_norm",
        "max_pool",
        "relu",
        "interpolate",
    ] {
        let row = lines.lines().any(|line| line.starts_with(step));
        expect(row, step, &output)?;
        let sheet = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .find(|file| {
                file.file_name()
                    .to_string_lossy()
                    .ends_with(&format!("-{step}.png"))
            });
        let picture = sheet.and_then(|file| wgcnn::picture::load(&file.path()).ok());
        let pixels = picture.as_ref().and_then(|picture| picture.as_u8());
        let varied = pixels.is_some_and(|pixels| pixels.iter().any(|&pixel| pixel != pixels[0]));
        expect(varied, &format!("a picture of {step}"), &output)?;
    }
    Ok(())
}
