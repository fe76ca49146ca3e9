//! Mistakes in the attributes and inputs of the layers.

use super::{ATTRIBUTE, FOREIGN, Row, SHAPE, UNSUPPORTED, x};
use wgcnn::ops::{AvgPool, BatchNorm, BatchNormState, Conv, Interpolate, MaxPool, Normalize};
use wgcnn::{DType, Graph, Result, Tensor};

fn max_pool(graph: &mut Graph, shape: &[usize], layer: MaxPool) -> Result<()> {
    let x = x(graph, shape)?;
    graph.max_pool(x, layer).map(drop)
}

fn avg_pool(graph: &mut Graph, shape: &[usize], layer: AvgPool) -> Result<()> {
    let x = x(graph, shape)?;
    graph.avg_pool(x, layer).map(drop)
}

fn interpolate(graph: &mut Graph, shape: &[usize], layer: Interpolate) -> Result<()> {
    let x = x(graph, shape)?;
    graph.interpolate(x, layer).map(drop)
}

fn conv(graph: &mut Graph, shape: &[usize], weight: &[usize], layer: Conv) -> Result<()> {
    let x = x(graph, shape)?;
    let weight = graph.input("weight", weight, DType::F32)?;
    graph.conv(x, weight, None, layer).map(drop)
}

/// Over a state of as many channels as the shape has.
fn batch_norm(graph: &mut Graph, shape: &[usize], layer: BatchNorm) -> Result<()> {
    let x = x(graph, shape)?;
    let channels = shape.get(1).copied().unwrap_or(1);
    let state = BatchNormState::variables(graph, "bn", channels, true)?;
    graph.batch_norm(x, &state, layer).map(drop)
}

fn normalize(graph: &mut Graph, shape: &[usize], dtype: DType, layer: Normalize) -> Result<()> {
    let x = graph.input("x", shape, dtype)?;
    graph.normalize(x, layer).map(drop)
}

pub(super) fn windows() -> Vec<Row> {
    rows! {
        SHAPE "max pool: a rank too low" ["max_pool.0", "f32 or f16 [N, C, H, W]", "f32 [3, 4, 4]"]
            |g| max_pool(g, &[3, 4, 4], MaxPool::new([2, 2]));
        SHAPE "average pool: a rank too high" ["avg_pool.0", "f32 or f16 [N, C, W]", "f32 [1, 3, 4, 4]"]
            |g| avg_pool(g, &[1, 3, 4, 4], AvgPool::new([2]));
        SHAPE "max pool: an empty extent" ["max_pool.0", "no extent of 0 but N", "[1, 3, 0, 4]"]
            |g| max_pool(g, &[1, 3, 0, 4], MaxPool::new([2, 2]));
        SHAPE "max pool: a kernel above the padded input" ["max_pool.0", "the kernel [7, 7]", "[4, 4]"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([7, 7]).padding([1, 1]));
        SHAPE "average pool: a kernel above the padded input" ["avg_pool.0", "the kernel [3, 7]", "[4, 4]"]
            |g| avg_pool(g, &[1, 1, 4, 4], AvgPool::new([3, 7]).padding([0, 1]));
        SHAPE "max pool: a dilated kernel above the input" ["max_pool.0", "dilation [2, 2]", "[4, 4]"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([3, 3]).dilation([2, 2]));
        ATTRIBUTE "max pool: padding above half the kernel" ["max_pool.0", "at most half the kernel [3, 3]", "[2, 1]"]
            |g| max_pool(g, &[1, 1, 9, 9], MaxPool::new([3, 3]).padding([2, 1]));
        ATTRIBUTE "average pool: padding above half the kernel" ["avg_pool.0", "half the kernel [3, 3]", "[1, 2]"]
            |g| avg_pool(g, &[1, 1, 9, 9], AvgPool::new([3, 3]).padding([1, 2]));
        ATTRIBUTE "max pool: stride 0" ["max_pool.0", "a stride of at least 1", "[0, 2]"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([2, 2]).stride([0, 2]));
        ATTRIBUTE "average pool: stride 0" ["avg_pool.0", "a stride of at least 1", "[2, 0]"]
            |g| avg_pool(g, &[1, 1, 4, 4], AvgPool::new([2, 2]).stride([2, 0]));
        ATTRIBUTE "max pool: kernel 0" ["max_pool.0", "a kernel of at least 1", "[0, 2]"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([0, 2]));
        ATTRIBUTE "average pool: kernel 0" ["avg_pool.0", "a kernel of at least 1", "[2, 0]"]
            |g| avg_pool(g, &[1, 1, 4, 4], AvgPool::new([2, 0]).stride([1, 1]));
        ATTRIBUTE "max pool: dilation 0" ["max_pool.0", "a dilation of at least 1", "[1, 0]"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([2, 2]).dilation([1, 0]));
        ATTRIBUTE "average pool: divisor 0" ["avg_pool.0", "a divisor other than 0", "got 0"]
            |g| avg_pool(g, &[1, 1, 4, 4], AvgPool::new([2, 2]).divisor_override(0));
        SHAPE "max pool of bytes" ["max_pool.0", "f32 or f16 [N, C, H, W]", "u8 [1, 1, 4, 4]"] |g| {
            let x = g.input("x", [1, 1, 4, 4], DType::U8)?;
            g.max_pool(x, MaxPool::new([2, 2])).map(drop)
        };
    }
}

pub(super) fn attribute_lengths() -> Vec<Row> {
    rows! {
        ATTRIBUTE "max pool: one stride for two dimensions" ["max_pool.0", "2 entries of stride", "got 1"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([2, 2]).stride([2]));
        ATTRIBUTE "max pool: three paddings for two dimensions" ["max_pool.0", "2 entries of padding", "got 3"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([2, 2]).padding([0, 0, 0]));
        ATTRIBUTE "max pool: no dilation" ["max_pool.0", "2 entries of dilation", "got 0"]
            |g| max_pool(g, &[1, 1, 4, 4], MaxPool::new([2, 2]).dilation(Vec::<usize>::new()));
        ATTRIBUTE "average pool: one padding for two dimensions" ["avg_pool.0", "2 entries of padding", "got 1"]
            |g| avg_pool(g, &[1, 1, 4, 4], AvgPool::new([2, 2]).padding([0]));
        ATTRIBUTE "max pool: 4 dimensions" ["max_pool.0", "1 to 3 spatial dimensions", "got 4"]
            |g| max_pool(g, &[1, 1, 2, 2, 2, 2], MaxPool::new([1, 1, 1, 1]));
        ATTRIBUTE "average pool: no dimension" ["avg_pool.0", "1 to 3 spatial dimensions", "got 0"]
            |g| avg_pool(g, &[1, 1], AvgPool::new(Vec::<usize>::new()));
        ATTRIBUTE "interpolate: 4 dimensions" ["interpolate.0", "1 to 3 spatial dimensions", "got 4"]
            |g| interpolate(g, &[1, 1, 2, 2, 2, 2], Interpolate::size([2, 2, 2, 2]));
        ATTRIBUTE "conv: 4 dimensions" ["conv.0", "1 or 2 spatial dimensions", "more than 3"]
            |g| conv(g, &[1, 1, 2, 2, 2, 2], &[1, 1, 1, 1, 1, 1], Conv::new(4));
        ATTRIBUTE "conv: more dimensions than memory" ["conv.0", "1 or 2 spatial dimensions", "more than 3"]
            |g| conv(g, &[1, 1, 2, 2, 2, 2], &[1, 1, 1, 1, 1, 1], Conv::new(1 << 40));
        ATTRIBUTE "conv: no dimension" ["conv.0", "1 or 2 spatial dimensions", "got 0"]
            |g| conv(g, &[1, 1], &[1, 1], Conv::new(0));
        UNSUPPORTED "max pool: a window longer than a loop" ["max_pool.0", "32768", "is not supported"] |g| {
            let x = x(g, &[1, 1, 300_000])?;
            g.max_pool(x, MaxPool::new([40_000])).map(drop)
        };
        UNSUPPORTED "max pool: windows farther apart than a loop" ["max_pool.0", "stride 100000"] |g| {
            let x = x(g, &[1, 1, 400_000])?;
            g.max_pool(x, MaxPool::new([1]).stride([100_000])).map(drop)
        };
        UNSUPPORTED "conv: more channels than a loop" ["conv.0", "[70000, 1]", "60000"] |g| {
            let x = x(g, &[1, 70_000, 2])?;
            let weight = g.input("weight", [3, 70_000, 1], DType::F32)?;
            g.conv(x, weight, None, Conv::new(1)).map(drop)
        };
        UNSUPPORTED "conv: more turns than a thread takes" ["conv.0", "[4700, 3, 3]", "61100", "60000", "is not supported"]
            |g| conv(g, &[1, 4700, 3, 3], &[2, 4700, 3, 3], Conv::new(2));
        UNSUPPORTED "average pool: more turns than a thread takes" ["avg_pool.0", "[600, 600]", "60000"]
            |g| avg_pool(g, &[1, 1, 600, 600], AvgPool::new([600, 600]));
        UNSUPPORTED "conv: 3 dimensions" ["conv.0", "3 spatial dimensions", "is not supported"]
            |g| conv(g, &[1, 1, 2, 2, 2], &[1, 1, 1, 1, 1], Conv::new(3));
        ATTRIBUTE "conv: one dilation for two dimensions" ["conv.0", "2 entries of dilation", "got 1"]
            |g| conv(g, &[1, 1, 4, 4], &[1, 1, 2, 2], Conv::new(2).dilation([1]));
        ATTRIBUTE "conv: one padding for two dimensions" ["conv.0", "2 entries of padding", "got 1"]
            |g| conv(g, &[1, 1, 4, 4], &[1, 1, 2, 2], Conv::new(2).padding([1]));
    }
}

pub(super) fn convolutions() -> Vec<Row> {
    rows! {
        SHAPE "conv: channels" ["conv.0", "a weight with 4 channels", "input f32 [1, 4, 5, 5]", "got f32 [2, 3, 3, 3]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 3, 3, 3], Conv::new(2));
        SHAPE "conv: channels of a group" ["conv.0", "2 channels", "2 groups", "got f32 [2, 4, 3, 3]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 3, 3], Conv::new(2).groups(2));
        SHAPE "conv: groups that do not divide" ["conv.0", "divisible by 3 groups", "[1, 4, 5, 5]"]
            |g| conv(g, &[1, 4, 5, 5], &[3, 1, 3, 3], Conv::new(2).groups(3));
        ATTRIBUTE "conv: 0 groups" ["conv.0", "at least 1 group", "got 0"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 3, 3], Conv::new(2).groups(0));
        SHAPE "conv: rank of the input" ["conv.0", "f32 or f16 [N, C, H, W]", "f32 [4, 5, 5]"]
            |g| conv(g, &[4, 5, 5], &[2, 4, 3, 3], Conv::new(2));
        SHAPE "conv: rank of the weight" ["conv.0", "rank 4", "f32 [2, 4, 3]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 3], Conv::new(2));
        SHAPE "conv: an empty filter" ["conv.0", "no extent of 0", "f32 [2, 4, 0, 3]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 0, 3], Conv::new(2));
        SHAPE "conv: a filter above the padded input" ["conv.0", "the kernel [8, 3]", "[5, 5]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 8, 3], Conv::new(2).padding([1, 1]));
        ATTRIBUTE "conv: stride 0" ["conv.0", "a stride of at least 1", "[1, 0]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 3, 3], Conv::new(2).stride([1, 0]));
        ATTRIBUTE "conv: dilation 0" ["conv.0", "a dilation of at least 1", "[0, 1]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 3, 3], Conv::new(2).dilation([0, 1]));
        ATTRIBUTE "conv: padding \"same\" with a stride" ["conv.0", "stride 1", "\"same\"", "[2, 1]"]
            |g| conv(g, &[1, 4, 5, 5], &[2, 4, 3, 3], Conv::new(2).stride([2, 1]).padding_same());
        SHAPE "conv: length of the bias" ["conv.0", "bias f32 [2]", "got f32 [3]"] |g| {
            let x = x(g, &[1, 4, 5, 5])?;
            let weight = g.input("weight", [2, 4, 3, 3], DType::F32)?;
            let bias = g.constant(Tensor::filled(3, 0.0)?);
            g.conv(x, weight, Some(bias), Conv::new(2)).map(drop)
        };
    }
}

pub(super) fn batch_norms() -> Vec<Row> {
    rows! {
        ATTRIBUTE "batch norm: eps 0" ["batch_norm.0", "a positive finite eps", "got 0"]
            |g| batch_norm(g, &[2, 3], BatchNorm::eval().eps(0.0));
        ATTRIBUTE "batch norm: eps below 0" ["batch_norm.0", "a positive finite eps", "got -0.001"]
            |g| batch_norm(g, &[2, 3], BatchNorm::train().eps(-1e-3));
        ATTRIBUTE "batch norm: eps NaN" ["batch_norm.0", "a positive finite eps", "got NaN"]
            |g| batch_norm(g, &[2, 3], BatchNorm::eval().eps(f64::NAN));
        ATTRIBUTE "batch norm: eps infinite" ["batch_norm.0", "a positive finite eps", "got inf"]
            |g| batch_norm(g, &[2, 3], BatchNorm::train().eps(f64::INFINITY));
        ATTRIBUTE "batch norm: eps that a device takes for 0" ["batch_norm.0", "a normal number in f32", "got 0.000"]
            |g| batch_norm(g, &[2, 3], BatchNorm::eval().eps(1e-40));
        ATTRIBUTE "batch norm: statistics saved in evaluation" ["batch_norm.0", "training", "got evaluation"]
            |g| {
                let x = x(g, &[2, 3])?;
                let state = BatchNormState::variables(g, "bn", 3, true)?;
                g.batch_norm_saving(x, &state, BatchNorm::eval()).map(drop)
            };
        ATTRIBUTE "batch norm: momentum above 1" ["batch_norm.0", "a momentum of 0 to 1", "got 1.5"]
            |g| batch_norm(g, &[2, 3], BatchNorm::train().momentum(1.5));
        ATTRIBUTE "batch norm: momentum below 0" ["batch_norm.0", "a momentum of 0 to 1", "got -0.1"]
            |g| batch_norm(g, &[2, 3], BatchNorm::train().momentum(-0.1));
        ATTRIBUTE "batch norm: momentum NaN" ["batch_norm.0", "a momentum of 0 to 1", "got NaN"]
            |g| batch_norm(g, &[2, 3], BatchNorm::train().momentum(f64::NAN));
        SHAPE "batch norm: one value per channel in training" ["batch_norm.0", "more than 1 value", "f32 [1, 3, 1, 1]"]
            |g| batch_norm(g, &[1, 3, 1, 1], BatchNorm::train());
        SHAPE "batch norm: one value per channel of [N, C]" ["batch_norm.0", "more than 1 value", "f32 [1, 3]"]
            |g| batch_norm(g, &[1, 3], BatchNorm::train());
        SHAPE "batch norm: rank 1" ["batch_norm.0", "[N, C] or [N, C, *]", "got f32 [3]"]
            |g| batch_norm(g, &[3], BatchNorm::eval());
        SHAPE "batch norm: rank 6" ["batch_norm.0", "up to 3 spatial dimensions", "[2, 3, 1, 1, 1, 1]"]
            |g| batch_norm(g, &[2, 3, 1, 1, 1, 1], BatchNorm::eval());
        SHAPE "batch norm: no channel" ["batch_norm.0", "no extent of 0 but N", "f32 [2, 0, 4]"]
            |g| batch_norm(g, &[2, 0, 4], BatchNorm::train());
    }
}

pub(super) fn batch_norm_states() -> Vec<Row> {
    rows! {
        SHAPE "batch norm: channels" ["batch_norm.0", "f32 [4] for input f32 [2, 4, 5]", "got f32 [3]"] |g| {
            let x = x(g, &[2, 4, 5])?;
            let state = BatchNormState::variables(g, "bn", 3, true)?;
            g.batch_norm(x, &state, BatchNorm::eval()).map(drop)
        };
        SHAPE "batch norm: weight" ["batch_norm.0", "f32 [3] for input f32 [2, 3, 5]", "got f32 [4]"] |g| {
            let x = x(g, &[2, 3, 5])?;
            let mut state = BatchNormState::variables(g, "bn", 3, true)?;
            state.weight = Some(g.constant(Tensor::filled(4, 1.0)?));
            g.batch_norm(x, &state, BatchNorm::train()).map(drop)
        };
        SHAPE "batch norm: counter" ["batch_norm.0", "i64 [] for input f32 [2, 3, 5]", "got f32 [3]"] |g| {
            let x = x(g, &[2, 3, 5])?;
            let mut state = BatchNormState::variables(g, "bn", 3, false)?;
            state.num_batches_tracked = g.variable("tracked", Tensor::filled(3, 0.0)?)?;
            g.batch_norm(x, &state, BatchNorm::train()).map(drop)
        };
        SHAPE "batch norm: training a constant" ["batch_norm.0", "that are variables", "got another value"] |g| {
            let x = x(g, &[2, 3, 5])?;
            let mut state = BatchNormState::variables(g, "bn", 3, true)?;
            state.running_var = g.constant(Tensor::filled(3, 1.0)?);
            g.batch_norm(x, &state, BatchNorm::train()).map(drop)
        };
        SHAPE "batch norm: one state trained twice" ["batch_norm.1", "only this node updates", "assigned already"] |g| {
            let x = x(g, &[2, 3, 5])?;
            let state = BatchNormState::variables(g, "bn", 3, true)?;
            let y = g.batch_norm(x, &state, BatchNorm::train())?;
            g.batch_norm(y, &state, BatchNorm::train()).map(drop)
        };
        FOREIGN "batch norm: a state of another graph" ["batch_norm.0", "another graph"] |g| {
            let x = x(g, &[2, 3, 5])?;
            let mut other = g.clone();
            let state = BatchNormState::variables(&mut other, "bn", 3, true)?;
            g.batch_norm(x, &state, BatchNorm::eval()).map(drop)
        };
    }
}

pub(super) fn samplings() -> Vec<Row> {
    rows! {
        ATTRIBUTE "interpolate: factor 0" ["interpolate.0", "positive finite scale factors", "[0.0, 2.0]"]
            |g| interpolate(g, &[1, 1, 2, 2], Interpolate::scale_factor([0.0, 2.0]));
        ATTRIBUTE "interpolate: factor below 0" ["interpolate.0", "positive finite scale factors", "[-1.0]"]
            |g| interpolate(g, &[1, 1, 2], Interpolate::scale_factor([-1.0]));
        ATTRIBUTE "interpolate: factor NaN" ["interpolate.0", "positive finite scale factors", "[NaN]"]
            |g| interpolate(g, &[1, 1, 2], Interpolate::scale_factor([f64::NAN]));
        ATTRIBUTE "interpolate: factor infinite" ["interpolate.0", "positive finite scale factors", "[inf]"]
            |g| interpolate(g, &[1, 1, 2], Interpolate::scale_factor([f64::INFINITY]));
        SHAPE "interpolate to size 0" ["interpolate.0", "at least 1", "[0, 4] from [2, 2]"]
            |g| interpolate(g, &[1, 1, 2, 2], Interpolate::size([0, 4]));
        SHAPE "interpolate by a factor to size 0" ["interpolate.0", "at least 1", "[0] from [2]"]
            |g| interpolate(g, &[1, 1, 2], Interpolate::scale_factor([0.25]));
        SHAPE "interpolate: rank" ["interpolate.0", "f32 or f16 [N, C, H, W]", "f32 [1, 1, 2]"]
            |g| interpolate(g, &[1, 1, 2], Interpolate::size([4, 4]));
    }
}

pub(super) fn pictures_and_sums() -> Vec<Row> {
    use DType::{F16, F32, U8};
    rows! {
        SHAPE "normalize floats" ["normalize.0", "u8 [H, W, 3]", "got f32 [4, 5, 3]"]
            |g| normalize(g, &[4, 5, 3], F32, Normalize::imagenet());
        SHAPE "normalize: channels" ["normalize.0", "u8 [H, W, 1]", "got u8 [4, 5, 3]"]
            |g| normalize(g, &[4, 5, 3], U8, Normalize::new([0.5], [0.5]));
        SHAPE "normalize: rank" ["normalize.0", "u8 [H, W, 3] or [N, H, W, 3]", "got u8 [5, 3]"]
            |g| normalize(g, &[5, 3], U8, Normalize::imagenet());
        SHAPE "normalize: no pixel" ["normalize.0", "at least one pixel", "u8 [0, 5, 3]"]
            |g| normalize(g, &[0, 5, 3], U8, Normalize::imagenet());
        ATTRIBUTE "normalize: std 0" ["normalize.0", "non-zero stds", "[1.0, 0.0, 1.0]"]
            |g| normalize(g, &[4, 5, 3], U8, Normalize::new([0.0; 3], [1.0, 0.0, 1.0]));
        ATTRIBUTE "normalize: mean NaN" ["normalize.0", "finite means", "[NaN, NaN, NaN]"]
            |g| normalize(g, &[4, 5, 3], U8, Normalize::new([f32::NAN; 3], [1.0; 3]));
        ATTRIBUTE "normalize: fewer stds than means" ["normalize.0", "one mean and one std", "std [1.0]"]
            |g| normalize(g, &[4, 5, 3], U8, Normalize::new([0.0; 3], [1.0]));
        ATTRIBUTE "normalize: 5 channels" ["normalize.0", "1 to 4 channels", "[0.0, 0.0, 0.0, 0.0, 0.0]"]
            |g| normalize(g, &[4, 5, 5], U8, Normalize::new([0.0; 5], [1.0; 5]));
        SHAPE "add: shapes" ["add.0", "expected f32 [2, 3]", "got f32 [3, 2]"] |g| {
            let (a, b) = (x(g, &[2, 3])?, g.input("b", [3, 2], F32)?);
            g.add(a, b).map(drop)
        };
        SHAPE "add: types" ["add.0", "expected f32 [2]", "got f16 [2]"] |g| {
            let a = g.input("a", [2], F32)?;
            let b = g.input("b", [2], F16)?;
            g.add(a, b).map(drop)
        };
        SHAPE "concat: extents" ["concat.0", "expected f32 [2, 3, 5], but for the channels", "got f32 [2, 3, 4]"] |g| {
            let (a, b) = (x(g, &[2, 3, 5])?, g.input("b", [2, 3, 4], F32)?);
            g.concat(&[a, b]).map(drop)
        };
        SHAPE "concat: types" ["concat.0", "but for the channels", "got f16 [2, 3]"] |g| {
            let (a, b) = (x(g, &[2, 3])?, g.input("b", [2, 3], F16)?);
            g.concat(&[a, b]).map(drop)
        };
        SHAPE "concat: no tensor" ["concat.0", "at least one tensor"] |g| g.concat(&[]).map(drop);
        SHAPE "concat: no channels" ["concat.0", "expected [N, C, *]", "got f32 [2]"] |g| {
            let x = x(g, &[2])?;
            g.concat(&[x]).map(drop)
        };
        SHAPE "conv: types" ["conv.0", "weight f16 [O", "got f32 [2, 3, 3, 3]"] |g| {
            let x = g.input("x", [1, 3, 5, 5], F16)?;
            let weight = g.input("w", [2, 3, 3, 3], F32)?;
            g.conv(x, weight, None, Conv::new(2)).map(drop)
        };
        SHAPE "cast of bytes" ["cast.0", "a tensor of floats", "got u8 [4]"] |g| {
            let x = g.input("x", [4], U8)?;
            g.cast(x, F16).map(drop)
        };
        ATTRIBUTE "cast to bytes" ["cast.0", "f32 or f16", "got u8"] |g| {
            let x = g.input("x", [4], F32)?;
            g.cast(x, U8).map(drop)
        };
        ATTRIBUTE "normalize to bytes" ["normalize.0", "an output of f32 or f16", "got u8"]
            |g| normalize(g, &[4, 5, 3], U8, Normalize::imagenet().dtype(U8));
        SHAPE "relu of bytes" ["relu.0", "a tensor of floats", "got u8 [4]"] |g| {
            let x = g.input("x", [4], U8)?;
            g.relu(x).map(drop)
        };
        SHAPE "sigmoid of a counter" ["sigmoid.0", "a tensor of floats", "got i64 []"] |g| {
            let x = g.constant(Tensor::counter(1));
            g.sigmoid(x).map(drop)
        };
    }
}
