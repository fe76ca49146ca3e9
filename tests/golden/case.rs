//! Cases of golden files: what PyTorch was called with, as a graph of the same layers.

use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value as Json, from_value};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use wgcnn::ops::{AvgPool, BatchNorm, BatchNormState, Conv, Interpolate, MaxPool, Normalize};
use wgcnn::{DType, Graph, Tensor, Value};

pub(crate) type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// One call of PyTorch.
pub(crate) struct Case {
    /// `op/name`.
    pub(crate) name: String,
    /// The keyword arguments of the call.
    attributes: Json,
    /// Inputs, and what PyTorch answered: `y`, and `<buffer>_after` for what training has updated, `saved_*` for what it
    /// keeps for a gradient.
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

pub(crate) fn is_output(key: &str) -> bool {
    key == "y" || key.ends_with("_after") || key.starts_with("saved_")
}

impl Case {
    fn op(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> Json {
        self.attributes[name].clone()
    }

    pub(crate) fn tensor(&self, key: &str) -> Tested<&Tensor> {
        let tensor = self.tensors.get(key);
        tensor.ok_or_else(|| format!("the file has no {key}").into())
    }

    pub(crate) fn is_updated(&self, key: &str) -> bool {
        self.tensors.contains_key(&format!("{key}_after"))
    }

    /// Tensors that PyTorch was given.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        let tensors = self.tensors.iter();
        let given = tensors.filter(|(key, _)| !is_output(key));
        given.map(|(key, tensor)| (key.as_str(), tensor))
    }

    /// What is given is an input, or a variable if training updates it; the output is `y`.
    pub(crate) fn graph(&self) -> Tested<Graph> {
        let mut graph = Graph::new();
        let mut values = BTreeMap::new();
        for (key, tensor) in self.given() {
            let value = if self.is_updated(key) {
                graph.variable(key, tensor.clone())?
            } else {
                graph.input(key, tensor.shape(), tensor.dtype())?
            };
            values.insert(key, value);
        }
        let y = self.apply(&mut graph, &values)?;
        graph.output("y", y)?;
        Ok(graph)
    }

    fn apply(&self, graph: &mut Graph, values: &BTreeMap<&str, Value>) -> Tested<Value> {
        if self.op() == "add" {
            return Ok(graph.add(values["a"], values["b"])?);
        }
        if self.op() == "concat" {
            let inputs: Vec<Value> = values.values().copied().collect();
            return Ok(graph.concat(&inputs)?);
        }
        let x = values["x"];
        Ok(match self.op() {
            "avg_pool" => graph.avg_pool(x, self.avg_pool()?)?,
            "batch_norm" => {
                let state = batch_norm_state(graph, values, "");
                let layer = self.batch_norm()?;
                if !self.tensors.contains_key("saved_mean") {
                    return Ok(graph.batch_norm(x, &state, layer)?);
                }
                let (y, saved) = graph.batch_norm_saving(x, &state, layer)?;
                graph.output("saved_mean", saved.mean)?;
                graph.output("saved_invstd", saved.invstd)?;
                y
            }
            "cast" => graph.cast(x, self.dtype()?)?,
            "conv" => {
                let bias = values.get("bias").copied();
                graph.conv(x, values["weight"], bias, self.conv()?)?
            }
            "interpolate" => graph.interpolate(x, self.interpolate()?)?,
            "max_pool" => graph.max_pool(x, self.max_pool()?)?,
            "normalize" => graph.normalize(x, self.normalize()?)?,
            "relu" => graph.relu(x)?,
            "sigmoid" => graph.sigmoid(x)?,
            "unit" => self.unit(graph, values)?,
            other => return Err(format!("no layer {other}").into()),
        })
    }

    fn dtype(&self) -> Tested<DType> {
        match self.attribute("dtype").as_str() {
            Some("float16") => Ok(DType::F16),
            Some("float32") => Ok(DType::F32),
            other => Err(format!("the type {other:?}").into()),
        }
    }

    fn avg_pool(&self) -> Tested<AvgPool> {
        Ok(AvgPool {
            kernel: from_value(self.attribute("kernel"))?,
            stride: from_value(self.attribute("stride"))?,
            padding: from_value(self.attribute("padding"))?,
            ceil_mode: from_value(self.attribute("ceil_mode"))?,
            count_include_pad: from_value(self.attribute("count_include_pad"))?,
            divisor_override: from_value(self.attribute("divisor_override"))?,
        })
    }

    fn batch_norm(&self) -> Tested<BatchNorm> {
        let layer = if from_value(self.attribute("training"))? {
            BatchNorm::train().momentum(from_value(self.attribute("momentum"))?)
        } else {
            BatchNorm::eval()
        };
        Ok(layer.eps(from_value(self.attribute("eps"))?))
    }

    fn conv(&self) -> Tested<Conv> {
        let stride: Vec<usize> = from_value(self.attribute("stride"))?;
        let dilation: Vec<usize> = from_value(self.attribute("dilation"))?;
        let conv = Conv::new(stride.len()).stride(stride).dilation(dilation);
        let conv = conv.groups(from_value(self.attribute("groups"))?);
        let padding = self.attribute("padding");
        Ok(if padding == "same" {
            conv.padding_same()
        } else {
            conv.padding(from_value::<Vec<usize>>(padding)?)
        })
    }

    fn interpolate(&self) -> Tested<Interpolate> {
        let size: Option<Vec<usize>> = from_value(self.attribute("size"))?;
        Ok(match size {
            Some(size) => Interpolate::size(size),
            None => {
                Interpolate::scale_factor(from_value::<Vec<f64>>(self.attribute("scale_factor"))?)
            }
        })
    }

    fn max_pool(&self) -> Tested<MaxPool> {
        Ok(MaxPool {
            kernel: from_value(self.attribute("kernel"))?,
            stride: from_value(self.attribute("stride"))?,
            padding: from_value(self.attribute("padding"))?,
            dilation: from_value(self.attribute("dilation"))?,
            ceil_mode: from_value(self.attribute("ceil_mode"))?,
        })
    }

    fn normalize(&self) -> Tested<Normalize> {
        let [mean, std] = ["mean", "std"].map(|name| self.attribute(name));
        let (mean, std): (Vec<f32>, Vec<f32>) = (from_value(mean)?, from_value(std)?);
        Ok(Normalize::new(mean, std))
    }

    /// A convolution, then the parts in the order of the case.
    fn unit(&self, graph: &mut Graph, values: &BTreeMap<&str, Value>) -> Tested<Value> {
        let (x, weight, bias) = (values["x"], values["weight"], values["bias"]);
        let mut y = graph.conv(x, weight, Some(bias), Conv::new(2).padding([1, 1]))?;
        let order: Vec<String> = from_value(self.attribute("order"))?;
        for part in &order {
            y = match part.as_str() {
                "batch_norm" => {
                    let state = batch_norm_state(graph, values, "bn_");
                    let eps = from_value(self.attribute("eps"))?;
                    graph.batch_norm(y, &state, BatchNorm::eval().eps(eps))?
                }
                "max_pool" => graph.max_pool(y, MaxPool::new([2, 2]))?,
                "relu" => graph.relu(y)?,
                other => return Err(format!("no part {other}").into()),
            };
        }
        Ok(y)
    }
}

/// The tensors `running_*` and, behind `prefix`, weight and bias. Evaluation does not look at the counter.
fn batch_norm_state(
    graph: &mut Graph,
    values: &BTreeMap<&str, Value>,
    prefix: &str,
) -> BatchNormState {
    let affine = |name: &str| values.get(format!("{prefix}{name}").as_str()).copied();
    let tracked = values.get("num_batches_tracked").copied();
    BatchNormState {
        running_mean: values["running_mean"],
        running_var: values["running_var"],
        num_batches_tracked: tracked.unwrap_or_else(|| graph.constant(Tensor::counter(0))),
        weight: affine("weight"),
        bias: affine("bias"),
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn numbers<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().copied().map(read).collect()
}

fn tensor(view: &TensorView<'_>) -> Tested<Tensor> {
    let (shape, bytes) = (view.shape(), view.data());
    Ok(match view.dtype() {
        Dtype::F32 => Tensor::new(shape, numbers(bytes, f32::from_le_bytes))?,
        Dtype::F16 => Tensor::new(shape, numbers(bytes, f16::from_le_bytes))?,
        Dtype::I64 => Tensor::new(shape, numbers(bytes, i64::from_le_bytes))?,
        Dtype::U8 => Tensor::new(shape, bytes.to_vec())?,
        other => return Err(format!("a tensor of {other:?}").into()),
    })
}

/// The cases that the metadata of a file lists; together they own all of its tensors.
pub(crate) fn load(op: &str) -> Tested<Vec<Case>> {
    let bytes = std::fs::read(folder().join(format!("{op}.safetensors")))?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let metadata = header.metadata().as_ref().ok_or("no metadata")?;
    let listed = metadata.get("cases").ok_or("no list of cases")?;
    let listed: Vec<Json> = serde_json::from_str(listed)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let mut cases = Vec::new();
    for listed in &listed {
        let name = listed["name"].as_str().ok_or("a case without a name")?;
        let prefix = format!("{name}.");
        let mut tensors = BTreeMap::new();
        for (key, view) in file.tensors() {
            if let Some(key) = key.strip_prefix(prefix.as_str()) {
                tensors.insert(key.to_owned(), tensor(&view)?);
            }
        }
        cases.push(Case {
            name: format!("{op}/{name}"),
            attributes: listed["attributes"].clone(),
            tensors,
        });
    }
    let taken: usize = cases.iter().map(|case| case.tensors.len()).sum();
    assert_eq!(
        taken,
        file.len(),
        "{op}: tensors of the file and of its cases"
    );
    let answers = file
        .tensors()
        .iter()
        .filter(|(key, _)| key.ends_with(".y"))
        .count();
    assert_eq!(
        answers,
        listed.len(),
        "{op}: outputs of the file and cases of its metadata"
    );
    Ok(cases)
}
