// SPDX-License-Identifier: GPL-2.0

//! Plays the programs of a VM, inside of it: for the test with a real guest.
//!
//! Usage: `inguest QUEUES DESTINATION FLOWS FRAMES LENGTH`
//!
//! There is a sender on each of the first QUEUES CPUs, pinned there, so that the guest's kernel gives
//! it the queue of that CPU. It says `ready`. Then, for each line of its input:
//!
//! - numbers of queues: their senders send FRAMES packets of each of FLOWS flows, of LENGTH bytes
//!   each, all at the same time; it says `done`;
//! - `received`: it says how many frames have come on each queue since the last such line.

mod counts;
mod sender;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use sender::Load;
use sender::Sender;
use std::io::stdin;

/// The VM's only network card.
const DEVICE: &str = "eth0";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [queues, to, flows, frames, length] = words.as_slice() else {
        bail!("usage: inguest QUEUES DESTINATION FLOWS FRAMES LENGTH");
    };
    let load = Load {
        to: to.parse().context("no IPv4 address")?,
        flows: flows.parse()?,
        frames: frames.parse()?,
        length: length.parse()?,
    };
    let senders = (0..queues.parse()?)
        .map(|cpu| Sender::start(cpu, load))
        .collect::<Result<Vec<_>>>()?;
    let mut before = counts::received(DEVICE)?;
    println!("ready");

    for line in stdin().lines() {
        let line = line?;
        if line.trim() == "received" {
            let now = counts::received(DEVICE)?;
            let new: Vec<String> = now
                .iter()
                .zip(&before)
                .map(|(now, before)| (now - before).to_string())
                .collect();
            println!("{}", new.join(" "));
            before = now;
            continue;
        }
        let chosen = line
            .split_whitespace()
            .map(|word| senders.get(word.parse::<usize>()?).context("no such queue"))
            .collect::<Result<Vec<_>>>()?;
        for sender in &chosen {
            sender.begin()?;
        }
        for sender in &chosen {
            sender.wait()?;
        }
        println!("done");
    }
    Ok(())
}
