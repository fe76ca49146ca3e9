//! Inputs and outputs of a run, matched with the graph by name.

use crate::error::{Error, Result};
use crate::plan::{Plan, SlotId};
use crate::tensor::{Tensor, TensorType};
use std::ops::Index;

/// An input of a run: a tensor on the host, or a buffer on the session's device. A buffer needs `COPY_SRC` and the
/// bytes of the input, rounded up to a multiple of 4.
#[derive(Clone, Copy, Debug)]
pub enum Feed<'a> {
    /// Uploaded by the run.
    Tensor(&'a Tensor),
    /// Copied on the device.
    Buffer(&'a wgpu::Buffer),
}

impl<'a> From<&'a Tensor> for Feed<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl<'a> From<&'a wgpu::Buffer> for Feed<'a> {
    fn from(buffer: &'a wgpu::Buffer) -> Self {
        Self::Buffer(buffer)
    }
}

/// An input of the plan with what is fed to it.
pub(super) type Fed<'p, 'a> = (SlotId, &'p TensorType, Feed<'a>);

/// The outputs of a run, by name, in the order in which the graph declares them.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    tensors: Vec<(String, Tensor)>,
}

impl Outputs {
    pub(crate) const fn new(tensors: Vec<(String, Tensor)>) -> Self {
        Self { tensors }
    }

    /// The output of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        let mut tensors = self.tensors.iter();
        tensors
            .find(|(known, _)| known == name)
            .map(|(_, tensor)| tensor)
    }

    /// Names and tensors.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }
}

impl Index<&str> for Outputs {
    type Output = Tensor;

    /// # Panics
    /// If there is no output of that name; [`Outputs::get`] does not.
    fn index(&self, name: &str) -> &Tensor {
        let position = self.tensors.iter().position(|(known, _)| known == name);
        assert!(position.is_some(), "the graph has no output {name:?}");
        &self.tensors[position.unwrap_or_default()].1
    }
}

/// Finds `name` among what a plan knows.
fn find<'p>(
    kind: &'static str,
    known: &'p [(String, SlotId, TensorType)],
    name: &str,
) -> Result<(SlotId, &'p TensorType)> {
    let mut entries = known.iter();
    match entries.find(|(other, _, _)| other == name) {
        Some((_, slot, ty)) => Ok((*slot, ty)),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _, _)| name.as_str()).collect();
            Err(Error::Unknown {
                kind,
                name: name.to_owned(),
                known: names.join(", "),
            })
        }
    }
}

/// `Err` unless `buffer` can take part in a copy of a tensor.
fn check_buffer(
    node: &str,
    ty: &TensorType,
    buffer: &wgpu::Buffer,
    usage: wgpu::BufferUsages,
) -> Result<()> {
    let needed = (ty.bytes() as u64).next_multiple_of(4);
    if buffer.size() < needed || !buffer.usage().contains(usage) {
        let expected = format!("a buffer of at least {needed} bytes with {usage:?}, for {ty}");
        let got = format!("{} bytes with {:?}", buffer.size(), buffer.usage());
        return Err(Error::shape(node, expected, got));
    }
    Ok(())
}

/// Each input of the plan with what is fed to it.
pub(super) fn resolve<'p, 'a, F: Into<Feed<'a>>>(
    plan: &'p Plan,
    inputs: impl IntoIterator<Item = (&'a str, F)>,
) -> Result<Vec<Fed<'p, 'a>>> {
    let mut feeds: Vec<Fed<'_, 'a>> = Vec::with_capacity(plan.inputs.len());
    for (name, feed) in inputs {
        let (slot, ty) = find("input", &plan.inputs, name)?;
        if feeds.iter().any(|(fed, _, _)| *fed == slot) {
            let name = name.to_owned();
            return Err(Error::DuplicateName {
                kind: "input",
                name,
            });
        }
        let (feed, node) = (feed.into(), format!("input {name:?}"));
        match feed {
            Feed::Tensor(tensor) if tensor.ty() != *ty => {
                return Err(Error::shape(&node, ty.to_string(), tensor.ty().to_string()));
            }
            Feed::Tensor(_) => {}
            Feed::Buffer(buffer) => {
                check_buffer(&node, ty, buffer, wgpu::BufferUsages::COPY_SRC)?;
            }
        }
        feeds.push((slot, ty, feed));
    }
    for (name, slot, _) in &plan.inputs {
        if !feeds.iter().any(|(fed, _, _)| fed == slot) {
            let name = name.clone();
            return Err(Error::Missing {
                kind: "input",
                name,
            });
        }
    }
    Ok(feeds)
}

/// The outputs that a caller wants in buffers of its own.
pub(super) fn targets<'p, 'b>(
    plan: &'p Plan,
    outputs: &[(&str, &'b wgpu::Buffer)],
) -> Result<Vec<(SlotId, &'p TensorType, &'b wgpu::Buffer)>> {
    let target = |&(name, buffer): &(&str, &'b wgpu::Buffer)| {
        let (slot, ty) = find("output", &plan.outputs, name)?;
        let node = format!("output {name:?}");
        check_buffer(&node, ty, buffer, wgpu::BufferUsages::COPY_DST)?;
        Ok((slot, ty, buffer))
    };
    outputs.iter().map(target).collect()
}
