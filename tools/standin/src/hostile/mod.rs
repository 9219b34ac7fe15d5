// SPDX-License-Identifier: GPL-2.0

//! `hostile`: what a VM sends that is out for harm.

mod arp;
mod gre;
mod icmp;
mod ip;
mod link;
mod maker;
mod neighbour;
mod out;
mod spoil;
mod transport;
mod world;

use crate::args::Hostile;
use crate::frame::End;
use crate::guest::Guest;
use crate::pace::Pace;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use maker::Maker;
use maker::KINDS;
use serde_json::json;
use serde_json::Map;
use serde_json::Value;
use std::io;
use std::thread;
use world::World;

/// What tun says of a frame that it does not take (`tun_get_user()`).
const REFUSED: io::ErrorKind = io::ErrorKind::InvalidInput;

/// What came of one queue.
#[derive(Default)]
struct Done {
    sent: u64,
    refused: u64,
    errors: u64,
    error: Option<io::Error>,
    kinds: Vec<u64>,
}

/// Sends the frames of `args` on all its queues at once.
pub(crate) fn hostile(guest: &Guest, args: &Hostile) -> Result<Value> {
    let tag = guest.tag.context("hostile frames need --tenant")?;
    let queues = args.queue.resolve(guest.queues())?;
    let mut peers = Vec::new();
    for target in &args.to {
        match (target.ip, target.mac) {
            (Some(ip), Some(mac)) => peers.push(End { mac, ip }),
            _ => bail!("--to is IP@MAC here: nothing is asked for"),
        }
    }
    let done: Vec<Result<Done>> = thread::scope(|scope| {
        let senders: Vec<_> = queues
            .iter()
            .map(|queue| {
                let own = guest.me.nets.iter().map(|net| net.addr).collect();
                let world = World::new((guest.me.mac, own), &peers, &args.host, &args.key);
                // Each queue has other frames.
                let seed = args.seed.wrapping_mul(256).wrapping_add((*queue).into());
                let maker = Maker::new(world, tag, seed, guest.vnet_len());
                scope.spawn(move || send_on(guest, *queue, maker, args))
            })
            .collect();
        let joined = senders.into_iter().map(|sender| sender.join());
        joined
            .map(|done| done.unwrap_or_else(|_| bail!("a sender died")))
            .collect()
    });
    let mut sent = vec![0; usize::from(guest.queues())];
    let mut all = Done {
        kinds: vec![0; KINDS.len()],
        ..Done::default()
    };
    for (queue, done) in queues.iter().zip(done) {
        let done = done?;
        sent[usize::from(*queue)] = done.sent;
        all.sent += done.sent;
        all.refused += done.refused;
        all.errors += done.errors;
        all.error = all.error.or(done.error);
        for (sum, kind) in all.kinds.iter_mut().zip(done.kinds) {
            *sum += kind;
        }
    }
    if let Some(error) = all.error.filter(|_| all.sent == 0) {
        return Err(error).context("nothing could be sent");
    }
    let kinds: Map<String, Value> = KINDS
        .iter()
        .zip(all.kinds)
        .map(|(name, count)| ((*name).to_owned(), count.into()))
        .collect();
    Ok(json!({
        "sent": sent, "refused": all.refused, "errors": all.errors, "seed": args.seed,
        "virtio": guest.vnet_len() > 0, "kinds": kinds,
    }))
}

fn send_on(guest: &Guest, queue: u16, mut maker: Maker, args: &Hostile) -> Result<Done> {
    let mut done = Done {
        kinds: vec![0; KINDS.len()],
        ..Done::default()
    };
    for _ in 0..args.skip {
        maker.next();
    }
    let mut pace = Pace::new(args.rate);
    for _ in 0..args.count {
        pace.wait();
        let (kind, whole) = maker.next();
        match guest.write(queue, whole) {
            Ok(()) => {
                done.sent += 1;
                done.kinds[kind] += 1;
            }
            Err(error) if error.kind() == REFUSED => done.refused += 1,
            Err(error) => {
                done.errors += 1;
                done.error.get_or_insert(error);
            }
        }
    }
    Ok(done)
}
