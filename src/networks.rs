//! Networks made of this crate's layers: what `wgcnn run` and `wgcnn plan` show, and what plans are judged by.
//!
//! Their weights are variables with the names of PyTorch's state dicts, drawn from a fixed seed: He's normal distribution for
//! filters (He et al. 2015, <https://arxiv.org/abs/1502.01852>), PyTorch's initial values for batch norms.

use crate::error::{Error, Result};
use crate::graph::{Graph, Value};
use crate::ops::{AvgPool, BatchNorm, BatchNormState, Conv, Interpolate, MaxPool, Normalize};
use crate::tensor::{DType, Tensor};
use fastrand::Rng;
use std::f32::consts::PI;

/// Names of the networks that [`build`] knows.
pub const NAMES: [&str; 3] = ["unit", "resnet18", "unet"];

/// A network at the size that it is mostly shown at: the unit on [1, 480, 640, 3] bytes, the classifier on
/// [1, 3, 224, 224], the U-Net on [1, 1, 128, 128].
///
/// # Errors
/// [`Error::Unknown`] if there is none of that name.
pub fn build(name: &str) -> Result<Graph> {
    match name {
        "unit" => unit(480, 640, false),
        "resnet18" => resnet18(1, [224, 224], 1000),
        "unet" => unet(1, 1, [128, 128], 2),
        _ => Err(Error::Unknown {
            kind: "network",
            name: name.to_owned(),
            known: NAMES.join(", "),
        }),
    }
}

/// Filters of the unit.
const FILTERS: usize = 16;

/// normalise -> conv 3x3 -> batch norm -> max pool 2 -> ReLU -> nearest x2, on a picture `photograph` u8 [1, H, W, 3].
///
/// The batch norm trains: the photograph's own statistics normalise its feature maps. The output has the name of the last
/// step, `interpolate`; with `steps`, every step is an output with its name.
///
/// # Errors
/// [`Error::Shape`] for a picture of fewer than two rows or columns.
pub fn unit(height: usize, width: usize, steps: bool) -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("photograph", [1, height, width, 3], DType::U8)?;
    let weight = graph.constant(edges_and_blobs()?);
    let state = BatchNormState::variables(&mut graph, "bn", FILTERS, true)?;
    let normalized = graph.normalize(x, Normalize::imagenet())?;
    let convolved = graph.conv(normalized, weight, None, Conv::new(2).padding([1, 1]))?;
    let centred = graph.batch_norm(convolved, &state, BatchNorm::train())?;
    let pooled = graph.max_pool(centred, MaxPool::new([2, 2]))?;
    let active = graph.relu(pooled)?;
    let enlarged = graph.interpolate(active, Interpolate::scale_factor([2.0, 2.0]))?;
    let named = [
        ("normalize", normalized),
        ("conv", convolved),
        ("batch_norm", centred),
        ("max_pool", pooled),
        ("relu", active),
        ("interpolate", enlarged),
    ];
    let first = if steps { 0 } else { named.len() - 1 };
    for (name, value) in &named[first..] {
        graph.output(*name, *value)?;
    }
    Ok(graph)
}

/// Weight [16, 3, 3, 3]: eight oriented edges of the brightness, `cos(a) x + sin(a) y` for a = 0, 45, ... degrees,
/// and eight blobs, `exp(-r^2) - mean` of a mixture of the colours.
fn edges_and_blobs() -> Result<Tensor> {
    const BRIGHTNESS: [f32; 3] = [0.299, 0.587, 0.114];
    const MIXTURES: [[f32; 3]; 8] = [
        BRIGHTNESS,
        [-0.299, -0.587, -0.114],
        [1.0, -1.0, 0.0],
        [-1.0, 1.0, 0.0],
        [-0.5, -0.5, 1.0],
        [0.5, 0.5, -1.0],
        [1.0, 0.0, -1.0],
        [-1.0, 0.0, 1.0],
    ];
    let offsets = [-1.0f32, 0.0, 1.0];
    let taps = || {
        offsets
            .into_iter()
            .flat_map(move |y| offsets.map(move |x| (x, y)))
    };
    let blob = |(x, y): (f32, f32)| (-(x * x + y * y)).exp();
    let mean = taps().map(blob).sum::<f32>() / 9.0;
    let mut weights = Vec::with_capacity(FILTERS * 27);
    for angle in (0..8u8).map(|eighth| f32::from(eighth) * PI / 4.0) {
        for colour in BRIGHTNESS {
            weights.extend(taps().map(|(x, y)| colour * (angle.cos() * x + angle.sin() * y)));
        }
    }
    for mixture in MIXTURES {
        for colour in mixture {
            weights.extend(taps().map(|tap| colour * (blob(tap) - mean)));
        }
    }
    Tensor::new([FILTERS, 3, 3, 3], weights)
}

/// A graph with the weights that are drawn for it.
struct Builder {
    graph: Graph,
    rng: Rng,
}

impl Builder {
    fn new() -> Self {
        Self {
            graph: Graph::new(),
            rng: Rng::with_seed(1),
        }
    }

    /// `<name>.weight` of He's normal distribution: standard deviation `sqrt(2 / (C kh kw))`.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^24")]
    fn weight(&mut self, name: &str, shape: [usize; 4]) -> Result<Value> {
        let deviation = (2.0 / (shape[1] * shape[2] * shape[3]) as f32).sqrt();
        let count = shape.iter().product();
        let rng = &mut self.rng;
        // Box and Muller's way to normal numbers, two at a time.
        let mut pair = || {
            let radius = (-2.0 * (1.0 - rng.f32()).ln()).sqrt();
            let angle = 2.0 * PI * rng.f32();
            [radius * angle.cos(), radius * angle.sin()].map(|normal| deviation * normal)
        };
        let mut values: Vec<f32> = Vec::with_capacity(count + 1);
        while values.len() < count {
            values.extend(pair());
        }
        values.truncate(count);
        let weight = Tensor::new(shape, values)?;
        self.graph.variable(format!("{name}.weight"), weight)
    }

    /// A convolution without a bias that keeps the extents, or halves them.
    fn conv(
        &mut self,
        x: Value,
        name: &str,
        filters: usize,
        [side, stride]: [usize; 2],
    ) -> Result<Value> {
        let channels = self.graph.ty(x)?.shape[1];
        let weight = self.weight(name, [filters, channels, side, side])?;
        let layer = Conv::new(2).padding([side / 2; 2]).stride([stride; 2]);
        self.graph.conv(x, weight, None, layer)
    }

    /// A convolution of one pixel with a bias.
    fn linear(&mut self, x: Value, name: &str, filters: usize) -> Result<Value> {
        let channels = self.graph.ty(x)?.shape[1];
        let weight = self.weight(name, [filters, channels, 1, 1])?;
        let bias = Tensor::filled(filters, 0.0)?;
        let bias = self.graph.variable(format!("{name}.bias"), bias)?;
        self.graph.conv(x, weight, Some(bias), Conv::new(2))
    }

    fn norm(&mut self, x: Value, name: &str) -> Result<Value> {
        let channels = self.graph.ty(x)?.shape[1];
        let state = BatchNormState::variables(&mut self.graph, name, channels, true)?;
        self.graph.batch_norm(x, &state, BatchNorm::eval())
    }

    /// Two convolutions with batch norms around a shortcut: a basic block of a residual network.
    fn block(&mut self, x: Value, name: &str, filters: usize, stride: usize) -> Result<Value> {
        let y = self.conv(x, &format!("{name}.conv1"), filters, [3, stride])?;
        let y = self.norm(y, &format!("{name}.bn1"))?;
        let y = self.graph.relu(y)?;
        let y = self.conv(y, &format!("{name}.conv2"), filters, [3, 1])?;
        let y = self.norm(y, &format!("{name}.bn2"))?;
        let mut shortcut = x;
        if self.graph.ty(x)? != self.graph.ty(y)? {
            let name = format!("{name}.downsample");
            shortcut = self.conv(x, &format!("{name}.0"), filters, [1, stride])?;
            shortcut = self.norm(shortcut, &format!("{name}.1"))?;
        }
        let sum = self.graph.add(y, shortcut)?;
        self.graph.relu(sum)
    }

    /// Twice convolution, batch norm, ReLU.
    fn double(&mut self, mut x: Value, name: &str, filters: usize) -> Result<Value> {
        for index in [0, 3] {
            x = self.conv(x, &format!("{name}.{index}"), filters, [3, 1])?;
            x = self.norm(x, &format!("{name}.{}", index + 1))?;
            x = self.graph.relu(x)?;
        }
        Ok(x)
    }
}

/// A classifier with the layers of ResNet-18 (He et al. 2016, <https://arxiv.org/abs/1512.03385>) in evaluation: `x` f32
/// [N, 3, H, W] to `logits` [N, classes, 1, 1].
///
/// Variables are named as torchvision's; `fc.weight` has the two extents of a filter besides, which are 1.
///
/// # Errors
/// [`Error::Shape`] for an empty extent.
pub fn resnet18(batch: usize, size: [usize; 2], classes: usize) -> Result<Graph> {
    let mut builder = Builder::new();
    let x = builder
        .graph
        .input("x", [batch, 3, size[0], size[1]], DType::F32)?;
    let y = builder.conv(x, "conv1", 64, [7, 2])?;
    let y = builder.norm(y, "bn1")?;
    let y = builder.graph.relu(y)?;
    let pool = MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]);
    let mut y = builder.graph.max_pool(y, pool)?;
    for (layer, filters) in (1..).zip([64, 128, 256, 512]) {
        for index in 0..2 {
            let stride = if layer > 1 && index == 0 { 2 } else { 1 };
            y = builder.block(y, &format!("layer{layer}.{index}"), filters, stride)?;
        }
    }
    let extents = builder.graph.ty(y)?.shape[2..].to_vec();
    let y = builder.graph.avg_pool(y, AvgPool::new(extents))?;
    let y = builder.linear(y, "fc", classes)?;
    builder.graph.output("logits", y)?;
    Ok(builder.graph)
}

/// A small U-Net (Ronneberger et al. 2015, <https://arxiv.org/abs/1505.04597>) in evaluation, of 16, 32, 64 and 128 filters: `x`
/// f32 [N, channels, H, W] to `logits` [N, classes, H, W]. It halves with max pooling, doubles by nearest neighbour, and
/// puts what it had at a size beside what comes back up.
///
/// # Errors
/// [`Error::Shape`] for extents that are no multiples of 8.
pub fn unet(batch: usize, channels: usize, size: [usize; 2], classes: usize) -> Result<Graph> {
    const FILTERS: [usize; 3] = [16, 32, 64];
    let mut builder = Builder::new();
    let shape = [batch, channels, size[0], size[1]];
    let mut y = builder.graph.input("x", shape, DType::F32)?;
    let mut kept = Vec::new();
    for (level, filters) in FILTERS.into_iter().enumerate() {
        let at_size = builder.double(y, &format!("down{level}"), filters)?;
        kept.push((level, filters, at_size));
        y = builder.graph.max_pool(at_size, MaxPool::new([2, 2]))?;
    }
    y = builder.double(y, "bottom", 128)?;
    for (level, filters, at_size) in kept.into_iter().rev() {
        let up = Interpolate::scale_factor([2.0, 2.0]);
        let up = builder.graph.interpolate(y, up)?;
        let both = builder.graph.concat(&[at_size, up])?;
        y = builder.double(both, &format!("up{level}"), filters)?;
    }
    let y = builder.linear(y, "head", classes)?;
    builder.graph.output("logits", y)?;
    Ok(builder.graph)
}
