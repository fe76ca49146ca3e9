//! Named tensors that outlive a session: weights, running statistics.

use crate::device::{Buffer, Device, lock};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::tensor::{Tensor, TensorType};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Named tensors, shared by the sessions that are made with them: one that trains updates what one that evaluates
/// reads. A tensor moves to the device of the first session that uses it and stays there.
#[derive(Debug, Default)]
pub struct Variables {
    tensors: Mutex<BTreeMap<String, Home>>,
    changes: Arc<Mutex<Changes>>,
}

/// How often each variable has changed. Who changes one, or submits what depends on one, holds the lock meanwhile.
pub(crate) type Changes = BTreeMap<String, u64>;

/// Counts a change.
pub(crate) fn count_change(changes: &mut Changes, name: &str) {
    if let Some(count) = changes.get_mut(name) {
        *count += 1;
    } else {
        changes.insert(name.to_owned(), 1);
    }
}

/// Where a variable lives.
#[derive(Debug)]
enum Home {
    Host(Tensor),
    Device {
        device: Device,
        buffer: Buffer,
        ty: TensorType,
    },
}

impl Home {
    fn ty(&self) -> TensorType {
        match self {
            Self::Host(tensor) => tensor.ty(),
            Self::Device { ty, .. } => ty.clone(),
        }
    }
}

impl Variables {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every variable of a graph with its initial value.
    #[must_use]
    pub fn initial(graph: &Graph) -> Self {
        let homes = graph
            .variables()
            .map(|(name, _, tensor)| (name.to_owned(), Home::Host(tensor.clone())));
        Self {
            tensors: Mutex::new(homes.collect()),
            changes: Arc::default(),
        }
    }

    /// Names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        lock(&self.tensors).keys().cloned().collect()
    }

    /// The current value, read back if it lives on a device.
    ///
    /// # Errors
    /// [`Error::Unknown`], or what reading from the device reports.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        match self.find(&lock(&self.tensors), name)? {
            Home::Host(tensor) => Ok(tensor.clone()),
            Home::Device { device, buffer, ty } => {
                let bytes = device.read(buffer, ty.bytes() as u64)?;
                Ok(Tensor::from_bytes(ty, &bytes))
            }
        }
    }

    /// Adds a variable or replaces its value, on the device if it lives there.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is a variable of that name and another type.
    pub fn set(&self, name: impl Into<String>, tensor: Tensor) -> Result<()> {
        let name = name.into();
        let mut tensors = lock(&self.tensors);
        if let Some(home) = tensors.get(&name)
            && home.ty() != tensor.ty()
        {
            let node = format!("variable {name:?}");
            return Err(Error::shape(
                &node,
                home.ty().to_string(),
                tensor.ty().to_string(),
            ));
        }
        match tensors.get(&name) {
            Some(Home::Device { device, buffer, .. }) => {
                let mut changes = lock(&self.changes);
                count_change(&mut changes, &name);
                device.scoped(|| device.write(buffer, 0, tensor.bytes()))
            }
            _ => {
                tensors.insert(name, Home::Host(tensor));
                Ok(())
            }
        }
    }

    /// The buffer of a variable on `device`, where it moves if it has no device yet.
    pub(crate) fn resident(&self, device: &Device, name: &str, ty: &TensorType) -> Result<Buffer> {
        let mut tensors = lock(&self.tensors);
        let missing = || Error::Missing {
            kind: "variable",
            name: name.to_owned(),
        };
        let home = tensors.get_mut(name).ok_or_else(missing)?;
        check_type(name, ty, &home.ty())?;
        match home {
            Home::Device {
                device: other,
                buffer,
                ..
            } if other.is(device) => Ok(buffer.clone()),
            Home::Device { .. } => Err(Error::Unsupported {
                node: format!("variable {name:?}"),
                what: "a variable on two devices".to_owned(),
            }),
            Home::Host(tensor) => {
                use wgpu::BufferUsages as Usage;
                let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
                let bytes = (ty.bytes() as u64).next_multiple_of(16);
                let buffer = device.buffer(name, bytes, usage)?;
                device.scoped(|| device.write(&buffer, 0, tensor.bytes()))?;
                *home = Home::Device {
                    device: device.clone(),
                    buffer: buffer.clone(),
                    ty: ty.clone(),
                };
                Ok(buffer)
            }
        }
    }

    /// The counts of changes, for a session.
    pub(crate) fn changes(&self) -> Arc<Mutex<Changes>> {
        Arc::clone(&self.changes)
    }

    /// The value of a variable that a graph declares with type `ty`.
    pub(crate) fn typed(&self, name: &str, ty: &TensorType) -> Result<Tensor> {
        if !lock(&self.tensors).contains_key(name) {
            let name = name.to_owned();
            return Err(Error::Missing {
                kind: "variable",
                name,
            });
        }
        let tensor = self.get(name)?;
        check_type(name, ty, &tensor.ty())?;
        Ok(tensor)
    }

    fn find<'a>(&self, tensors: &'a BTreeMap<String, Home>, name: &str) -> Result<&'a Home> {
        tensors.get(name).ok_or_else(|| Error::Unknown {
            kind: "variable",
            name: name.to_owned(),
            known: tensors.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}

fn check_type(name: &str, expected: &TensorType, got: &TensorType) -> Result<()> {
    if expected == got {
        Ok(())
    } else {
        let node = format!("variable {name:?}");
        Err(Error::shape(&node, expected.to_string(), got.to_string()))
    }
}
