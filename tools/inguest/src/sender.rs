// SPDX-License-Identifier: GPL-2.0

//! A thread that stays on one CPU and sends from there when it is told to.

use anyhow::Context;
use anyhow::Result;
use rustix::thread::sched_setaffinity;
use rustix::thread::CpuSet;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::sync::mpsc::channel;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender as Tell;
use std::thread;

/// The first port of CPU 0, and how many ports each CPU may use.
const PORTS: u16 = 20_000;
const PORTS_PER_CPU: u16 = 100;

/// The port that it sends to.
const DISCARD: u16 = 9;

/// What each sender sends.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) to: Ipv4Addr,
    pub(crate) flows: u16,
    pub(crate) frames: u32,
    pub(crate) length: usize,
}

/// The other side of the thread.
pub(crate) struct Sender {
    begin: Tell<()>,
    done: Receiver<Result<()>>,
}

impl Sender {
    /// Starts the thread of a CPU.
    pub(crate) fn start(cpu: u16, load: Load) -> Result<Self> {
        let (begin, told) = channel();
        let (tell, done) = channel();
        let sockets = (0..load.flows)
            .map(|flow| {
                let port = PORTS + PORTS_PER_CPU * cpu + flow;
                Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?)
            })
            .collect::<Result<Vec<_>>>()
            .context("cannot open the sockets")?;
        thread::spawn(move || {
            while told.recv().is_ok() {
                if tell.send(send(cpu, &sockets, &load)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { begin, done })
    }

    /// Lets it send its load once.
    pub(crate) fn begin(&self) -> Result<()> {
        self.begin.send(()).context("a sender is gone")
    }

    /// Waits until it has.
    pub(crate) fn wait(&self) -> Result<()> {
        self.done.recv().context("a sender is gone")?
    }
}

/// Sends in turns over the flows.
fn send(cpu: u16, sockets: &[UdpSocket], load: &Load) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(usize::from(cpu));
    sched_setaffinity(None, &cpus).context("cannot stay on a CPU")?;
    let data = vec![0; load.length];
    for _ in 0..load.frames {
        for socket in sockets {
            socket.send_to(&data, (load.to, DISCARD))?;
        }
    }
    Ok(())
}
