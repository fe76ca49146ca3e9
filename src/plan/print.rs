//! A plan as text.

use super::{Dispatch, Plan};
use std::fmt;

impl Plan {
    /// A line per dispatch: whether it is of the [prologue](Self::prologue), node, kernel, grid, bytes read and written.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let names = self.dispatches.iter();
        let longest = names.map(|dispatch| dispatch.node.len()).max().unwrap_or(0);
        let line = |(index, dispatch): (usize, &Dispatch)| {
            let [x, y, z] = dispatch.grid;
            let (read, written) = self.traffic(dispatch);
            let once = if index < self.prologue { "once" } else { "" };
            format!(
                "{index:3} {once:<4} {:<longest$} {:<22} grid {:<14} reads {read:>11} B, writes {written:>11} B",
                dispatch.node,
                dispatch.kernel.label(),
                format!("{x}x{y}x{z}"),
            )
        };
        self.dispatches.iter().enumerate().map(line).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{line}")?;
        }
        for line in &self.fusions {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "{} dispatches, {} of them once, {} pipelines; {} arenas, {} B, {} B live at once; constants {} B; {} updates",
            self.dispatches.len(),
            self.prologue,
            self.pipelines(),
            self.arenas.len(),
            self.peak_bytes(),
            self.lower_bound_bytes(),
            self.constants.len(),
            self.updates.len(),
        )?;
        writeln!(
            f,
            "needs: bindings of {} B, buffers of {} B, {} storage buffers a kernel",
            self.largest_binding(),
            self.largest_buffer(),
            self.storage_buffers(),
        )
    }
}
