// SPDX-License-Identifier: GPL-2.0

//! How packets to the VM get their queue.

use clap::ValueEnum;
use serde::Serialize;

/// The modes of the family `tun_mq`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// What the kernel has: patch, else ftrace.
    #[default]
    Auto,
    /// The choice of the stock driver is redirected at run time.
    Ftrace,
    /// The driver has been patched to do it by itself.
    Patch,
    /// A steering program that vpcctl attaches to the tap.
    Ebpf,
    /// The stock driver chooses; only packets from the VM have lanes.
    Off,
    /// Something that a newer module says.
    #[value(skip)]
    Unknown,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ftrace => "ftrace",
            Self::Patch => "patch",
            Self::Ebpf => "ebpf",
            Self::Off => "off",
            Self::Unknown => "unknown",
        }
    }

    /// Its number; none for what has none.
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Self::Auto => Some(0),
            Self::Ftrace => Some(1),
            Self::Patch => Some(2),
            Self::Ebpf => Some(3),
            Self::Off => Some(4),
            Self::Unknown => None,
        }
    }
}

impl From<u32> for Mode {
    fn from(number: u32) -> Self {
        Self::value_variants()
            .iter()
            .copied()
            .find(|mode| mode.number() == Some(number))
            .unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_specification() {
        let names = ["auto", "ftrace", "patch", "ebpf", "off", "unknown"];
        for (number, name) in (0..).zip(names) {
            assert_eq!(Mode::from(number).name(), name);
        }
    }
}
