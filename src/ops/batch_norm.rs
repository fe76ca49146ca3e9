//! [`BatchNorm`]: attributes, state, shape rule, method, lowering.

mod lower;
mod partition;

pub(crate) use lower::affine_table;
pub(super) use lower::{AFFINE_KERNELS, KERNELS, MERGE_KERNELS, STATISTICS_KERNELS, TRAIN_KERNELS};
pub(crate) use partition::{made_depth, moments_depth};

use super::{Layer, Op};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Source, Value};
use crate::plan::Lowering;
use crate::tensor::{DType, Tensor, TensorType};

/// Which statistics normalise, and whether the running ones move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// The running statistics normalise and stay.
    Eval,
    /// The statistics of the batch normalise and a run updates the running ones by
    /// `running <- (1 - momentum) * running + momentum * batch`.
    Train {
        /// Weight of the batch, 0 to 1.
        momentum: f64,
    },
}

/// Per-channel normalisation, `(x - mean) / sqrt(var + eps) * weight + bias`. `torch.nn.BatchNorm1d`, `2d`, `3d`.
///
/// Input f32 or f16 [N, C] or [N, C, *] with up to three spatial dimensions; the state is f32. Training normalises with the biased variance and
/// stores the unbiased one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance; positive.
    pub eps: f64,
    /// Training or evaluation.
    pub mode: Mode,
    /// The inputs after the statistics, in this order.
    pub(crate) has_weight: bool,
    pub(crate) has_bias: bool,
}

impl BatchNorm {
    /// With the running statistics, eps 1e-5.
    #[must_use]
    pub const fn eval() -> Self {
        Self {
            eps: 1e-5,
            mode: Mode::Eval,
            has_weight: false,
            has_bias: false,
        }
    }

    /// With the statistics of the batch, eps 1e-5, momentum 0.1.
    #[must_use]
    pub const fn train() -> Self {
        Self {
            mode: Mode::Train { momentum: 0.1 },
            ..Self::eval()
        }
    }

    /// Sets eps.
    #[must_use]
    pub const fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Sets the momentum; no effect in evaluation.
    #[must_use]
    pub const fn momentum(mut self, momentum: f64) -> Self {
        if let Mode::Train { .. } = self.mode {
            self.mode = Mode::Train { momentum };
        }
        self
    }
}

/// The tensors of a batch norm, named as in PyTorch's state dict.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormState {
    /// f32, C elements.
    pub running_mean: Value,
    /// f32, C elements.
    pub running_var: Value,
    /// i64 scalar.
    pub num_batches_tracked: Value,
    /// f32, C elements; 1 if absent.
    pub weight: Option<Value>,
    /// f32, C elements; 0 if absent.
    pub bias: Option<Value>,
}

/// Statistics of a batch, as the second pass of a gradient needs them: with them, neither pass of it looks for moments again.
#[derive(Clone, Copy, Debug)]
pub struct SavedStatistics {
    /// f32, C elements: the mean; 0 for an empty batch.
    pub mean: Value,
    /// f32, C elements: `1 / sqrt(var + eps)` with the biased variance, which is 0 for an empty batch.
    pub invstd: Value,
}

impl BatchNormState {
    /// Declares `<name>.running_mean`, `.running_var`, `.num_batches_tracked` and, if `affine`, `.weight` and `.bias`,
    /// with PyTorch's initial values.
    ///
    /// # Errors
    /// [`Error::DuplicateName`], [`Error::Shape`] for more channels than the host can hold.
    pub fn variables(graph: &mut Graph, name: &str, channels: usize, affine: bool) -> Result<Self> {
        let mut vector = |field: &str, value| {
            graph.variable(format!("{name}.{field}"), Tensor::filled(channels, value)?)
        };
        let running_mean = vector("running_mean", 0.0)?;
        let running_var = vector("running_var", 1.0)?;
        let (weight, bias) = if affine {
            (Some(vector("weight", 1.0)?), Some(vector("bias", 0.0)?))
        } else {
            (None, None)
        };
        let num_batches_tracked =
            graph.variable(format!("{name}.num_batches_tracked"), Tensor::counter(0))?;
        Ok(Self {
            running_mean,
            running_var,
            num_batches_tracked,
            weight,
            bias,
        })
    }
}

impl Graph {
    /// [`BatchNorm`] of `x`. In training the running statistics of `state` must be variables: a run updates them.
    ///
    /// # Errors
    /// [`Error::Attribute`] for `eps <= 0` or a momentum outside 0 to 1, [`Error::Shape`] for another rank, a state
    /// that does not fit the channels, one value per channel in training, or statistics that are no variables.
    pub fn batch_norm(
        &mut self,
        x: Value,
        state: &BatchNormState,
        attributes: BatchNorm,
    ) -> Result<Value> {
        let outputs = self.apply_batch_norm(x, state, attributes)?;
        Ok(outputs[0])
    }

    /// As [`batch_norm`](Self::batch_norm) in training; besides its result what a gradient needs of the batch. `torch.native_batch_norm`.
    ///
    /// # Errors
    /// As [`batch_norm`](Self::batch_norm); [`Error::Attribute`] in evaluation.
    pub fn batch_norm_saving(
        &mut self,
        x: Value,
        state: &BatchNormState,
        attributes: BatchNorm,
    ) -> Result<(Value, SavedStatistics)> {
        if attributes.mode == Mode::Eval {
            let node = format!("batch_norm.{}", self.nodes.len());
            return Err(Error::attribute(&node, "training", "evaluation"));
        }
        let outputs = self.apply_batch_norm(x, state, attributes)?;
        let [mean, invstd] = [outputs[4], outputs[5]];
        Ok((outputs[0], SavedStatistics { mean, invstd }))
    }

    fn apply_batch_norm(
        &mut self,
        x: Value,
        state: &BatchNormState,
        attributes: BatchNorm,
    ) -> Result<Vec<Value>> {
        let layer = BatchNorm {
            has_weight: state.weight.is_some(),
            has_bias: state.bias.is_some(),
            ..attributes
        };
        let statistics = [
            state.running_mean,
            state.running_var,
            state.num_batches_tracked,
        ];
        let mut inputs = vec![x];
        match layer.mode {
            Mode::Eval => inputs.extend_from_slice(&statistics[..2]),
            Mode::Train { .. } => inputs.extend_from_slice(&statistics),
        }
        inputs.extend(state.weight.into_iter().chain(state.bias));
        if let Mode::Train { .. } = layer.mode {
            self.check_updatable(&statistics)?;
        }
        let outputs = self.apply(Op::BatchNorm(layer), &inputs)?;
        for (variable, value) in statistics.into_iter().zip(&outputs[1..]) {
            self.assign(variable, *value)?;
        }
        Ok(outputs)
    }

    fn check_updatable(&self, statistics: &[Value]) -> Result<()> {
        let node = format!("batch_norm.{}", self.nodes.len());
        for (index, &value) in statistics.iter().enumerate() {
            self.ty(value)?;
            if statistics[..index]
                .iter()
                .any(|other| other.index == value.index)
            {
                let expected = "three different variables for the running statistics";
                return Err(Error::shape(&node, expected, "one of them twice"));
            }
            if !matches!(self.values[value.index].source, Source::Variable { .. }) {
                let expected = "running statistics that are variables, to be updated in training";
                return Err(Error::shape(&node, expected, "another value"));
            }
            if self
                .assigns
                .iter()
                .any(|assign| assign.variable.index == value.index)
            {
                let expected = "running statistics that only this node updates";
                return Err(Error::shape(&node, expected, "a variable assigned already"));
            }
        }
        Ok(())
    }
}

impl Layer for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        // The kernels add it in f32, where less than this may be 0.
        let smallest = f64::from(f32::MIN_POSITIVE);
        if !(smallest..=f64::from(f32::MAX)).contains(&self.eps) {
            let got = self.eps.to_string();
            return Err(Error::attribute(
                node,
                "a positive finite eps that is a normal number in f32",
                got,
            ));
        }
        let x = inputs[0];
        if !x.dtype.is_float() || !(2..=5).contains(&x.shape.len()) || x.shape[1..].contains(&0) {
            let expected = "f32 or f16 [N, C] or [N, C, *] with up to 3 spatial dimensions, no extent of 0 but N";
            return Err(Error::shape(node, expected, x.to_string()));
        }
        let vector = TensorType::f32([x.shape[1]]);
        let counter = TensorType {
            shape: Vec::new(),
            dtype: DType::I64,
        };
        let statistics = match self.mode {
            Mode::Eval => 2,
            Mode::Train { .. } => 3,
        };
        for (index, &input) in inputs[1..].iter().enumerate() {
            let expected = if index == 2 && statistics == 3 {
                &counter
            } else {
                &vector
            };
            if input != expected {
                let expected = format!("{expected} for input {x}");
                return Err(Error::shape(node, expected, input.to_string()));
            }
        }
        let Mode::Train { momentum } = self.mode else {
            return Ok(vec![x.clone()]);
        };
        if !(0.0..=1.0).contains(&momentum) {
            let got = momentum.to_string();
            return Err(Error::attribute(node, "a momentum of 0 to 1", got));
        }
        let values = x.shape[0] * x.shape[2..].iter().product::<usize>();
        if values == 1 {
            let expected = "more than 1 value per channel in training";
            return Err(Error::shape(node, expected, x.to_string()));
        }
        let [mean, variance, saved_mean, saved_invstd] = std::array::from_fn(|_| vector.clone());
        Ok(vec![
            x.clone(),
            mean,
            variance,
            counter,
            saved_mean,
            saved_invstd,
        ])
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes {
            way_in: true,
            ..Takes::SUM
        }
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        match self.mode {
            Mode::Eval => lower::eval(self, lowering),
            Mode::Train { momentum } => lower::train(self, momentum, lowering),
        }
    }
}
