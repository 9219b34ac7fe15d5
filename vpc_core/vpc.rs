// SPDX-License-Identifier: GPL-2.0

//! Tenant networks: what a port's packets say, which of them may pass, and what is answered.

pub mod acl;
pub mod answer;
pub mod arp;
pub mod error;
pub mod guard;
pub mod hop;
pub mod nd;
pub mod pace;
pub mod packet;
pub mod plain;
pub mod spoof;
pub mod sum;
mod view;
