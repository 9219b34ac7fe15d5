// SPDX-License-Identifier: GPL-2.0

//! Stateless access control lists: rules in order of precedence, of which the first that matches
//! a packet decides.
//!
//! [`compile`] turns the rules into trees of [`Line`]s that are never changed again, one for each
//! version of IP and one for the rest, and [`Snapshot::lookup`] walks through one of them. What a
//! rule says of a packet is an interval in each of twelve numbers, the 32-bit words of the addresses
//! among them; so all steps compare words, and IPv4 needs no more of them than it has. The steps:
//!
//! - a *cut* divides the packets by one number into up to 16 intervals that begin and end where
//!   rules do, a *table* into many of the same size. A rule that reaches over several of them is
//!   copied into each;
//! - a *fork* divides the rules instead, where cuts would copy too many: its branches are searched
//!   one after the other, unless they have only rules that come later than what was found, or are
//!   for other packets. A *guard* in front of a branch knows more of what these are;
//! - a *leaf* is a list of few rules; or, where they differ in one number only, it says for up to
//!   eight intervals which of them decides.
//!
//! Copies are limited by a budget that a tree starts with and hands on to its parts, so that no
//! choice of rules makes the trees larger than [`max_lines`]. Rules that overlap in many ways then
//! take more forks: a lookup takes longer, yet nowhere near the time of a list. What it found can be
//! kept for the packets that follow it, see [`cache`].

mod build;
pub mod cache;
mod cut;
mod fork;
mod key;
mod line;
mod lookup;
mod pieces;
mod rule;
mod sample;

pub use build::compile;
pub use build::max_lines;
pub use build::Error;
pub use build::Full;
pub use build::Store;
pub use build::Work;
pub use key::Key;
pub use line::Line;
pub use lookup::Match;
pub use lookup::Snapshot;
pub use rule::Invalid;
pub use rule::Ports;
pub use rule::Prefix;
pub use rule::Rule;
pub use rule::Verdict;
pub use rule::MAX_RULES;
