// SPDX-License-Identifier: GPL-2.0

//! Carries out the commands that a running stand-in takes.

use crate::args::Command;
use crate::args::Ping;
use crate::args::Send;
use crate::args::Target;
use crate::args::Wait;
use crate::frame;
use crate::frame::End;
use crate::guest::Guest;
use crate::hostile;
use crate::pace::Pace;
use crate::stamp;
use crate::stamp::Stamp;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde_json::json;
use serde_json::Value;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// UDP port that stamped frames go to: "discard", so that a real host stays silent.
const TO_PORT: u16 = 9;
/// First of the source ports that stamped frames come from.
const FROM_PORT: u16 = 40_000;
/// Where a frame claims to go or come from if only a MAC address is known (RFC 5737).
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Longest frame that tun takes: 64 KiB of IP packet behind an Ethernet header.
const LONGEST: usize = 65_535;

/// Carries out `command` and returns its answer.
pub(crate) fn carry_out(guest: &Guest, command: &Command) -> Result<Value> {
    match command {
        Command::Send(args) => send(guest, args),
        Command::Ping(args) => ping(guest, args),
        Command::Hostile(args) => hostile::hostile(guest, args),
        Command::Stats => Ok(serde_json::to_value(guest.report())?),
        Command::Wait(args) => wait(guest, args),
        Command::Reset => {
            guest.reset();
            Ok(json!({}))
        }
        Command::Quit => Ok(json!({})),
    }
}

/// The two ends of what goes to `target`.
fn ends(guest: &Guest, target: Target, queue: u16) -> Result<(End, End)> {
    let ip = target.ip.unwrap_or(NOWHERE);
    let mac = match target.mac {
        Some(mac) => mac,
        None => guest.resolve(ip, queue)?,
    };
    let own = match guest.me.source_for(ip) {
        Some(own) => own,
        None if target.ip.is_none() => NOWHERE,
        None => bail!("the guest has no address of the family of {ip}"),
    };
    let from = End {
        mac: guest.me.mac,
        ip: own,
    };
    Ok((from, End { mac, ip }))
}

fn send(guest: &Guest, args: &Send) -> Result<Value> {
    let queues = args.queue.resolve(guest.queues())?;
    let first = queues.first().copied().unwrap_or(0);
    let (from, to) = ends(guest, args.to, first)?;
    let least = frame::udp_overhead(to.ip) + stamp::LEN;
    if !(least..=LONGEST).contains(&args.size) {
        bail!("a frame's size is from {least} to {LONGEST} bytes");
    }
    let run = guest.new_run();
    let done: Vec<Result<Sent>> = thread::scope(|scope| {
        let senders: Vec<_> = queues
            .iter()
            .map(|queue| scope.spawn(move || send_on(guest, *queue, run, (from, to), args)))
            .collect();
        let joined = senders.into_iter().map(|sender| sender.join());
        joined
            .map(|sent| sent.unwrap_or_else(|_| bail!("a sender died")))
            .collect()
    });
    let mut sent = vec![0; usize::from(guest.queues())];
    let mut errors = 0;
    let mut error = None;
    for (queue, done) in queues.iter().zip(done) {
        let done = done?;
        if let Some(count) = sent.get_mut(usize::from(*queue)) {
            *count = done.frames;
        }
        errors += done.errors;
        error = error.or(done.error);
    }
    match error {
        // Nothing at all got out: that is no result, but a failure.
        Some(error) if sent.iter().all(|count| *count == 0) => Err(error),
        Some(error) => {
            let why = format!("{error:#}");
            Ok(json!({"sent": sent, "errors": errors, "run": run, "why": why}))
        }
        None => Ok(json!({"sent": sent, "errors": errors, "run": run})),
    }
}

/// What came of sending on one queue.
#[derive(Default)]
struct Sent {
    frames: u64,
    errors: u64,
    error: Option<anyhow::Error>,
}

/// Sends the frames of one queue, at the asked rate.
fn send_on(guest: &Guest, queue: u16, run: u32, ends: (End, End), args: &Send) -> Result<Sent> {
    let mut pace = Pace::new(args.rate);
    let space = args.size.saturating_sub(frame::udp_overhead(ends.1.ip));
    let mut sent = Sent::default();
    for seq in 0..args.count {
        pace.wait();
        let stamp = Stamp {
            id: guest.id,
            queue,
            run,
            seq,
            total: args.count,
        };
        let port = FROM_PORT + (seq % u32::from(args.flows)) as u16;
        let frame = frame::udp(
            ends.0,
            ends.1,
            (port, TO_PORT),
            &stamp.payload(space, guest.tag),
        )
        .context("cannot build a frame of this size")?;
        match guest.send(queue, &frame) {
            Ok(()) => sent.frames += 1,
            Err(error) => {
                sent.errors += 1;
                sent.error.get_or_insert(error);
            }
        }
    }
    Ok(sent)
}

fn ping(guest: &Guest, args: &Ping) -> Result<Value> {
    if args.queue >= guest.queues() {
        bail!(
            "there is no queue {}, only 0 to {}",
            args.queue,
            guest.queues() - 1
        );
    }
    let (from, to) = ends(guest, args.to, args.queue)?;
    // Distinct for pings that run at once, so that replies find their way.
    let id = guest.new_run() as u16;
    let replies = guest.expect_ping(id);
    let mut times = Vec::new();
    let result = (0..args.count).try_for_each(|seq| {
        let mut data: Vec<u8> = (0..args.size).map(|at| at as u8).collect();
        if let (Some(tag), Some(front)) = (guest.tag, data.first_chunk_mut()) {
            *front = tag;
        }
        let frame = frame::echo(from, to, false, (id, seq), &data).context("too much data")?;
        let start = Instant::now();
        guest.send(args.queue, &frame)?;
        let end = start + Duration::from_secs(args.timeout);
        // A late reply to an earlier request is no reply to this one.
        while let Ok(reply) = replies.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if reply == seq {
                times.push(start.elapsed().as_micros() as u64);
                break;
            }
        }
        Ok::<(), anyhow::Error>(())
    });
    guest.forget_ping(id);
    result?;
    times.sort_unstable();
    let at = |n: usize| times.get(n).copied();
    let Some(middle) = at(times.len() / 2) else {
        bail!("no reply from {} to {} requests", to.ip, args.count);
    };
    let rtt = [at(0), Some(middle), times.last().copied()];
    Ok(json!({"sent": args.count, "received": times.len(), "rtt_us": rtt}))
}

fn wait(guest: &Guest, args: &Wait) -> Result<Value> {
    let end = Instant::now() + Duration::from_secs(args.timeout);
    loop {
        let frames = guest.stamped();
        if frames >= args.frames {
            return Ok(json!({"stamped": frames}));
        }
        if Instant::now() >= end {
            bail!(
                "{frames} of {} frames after {} s",
                args.frames,
                args.timeout
            );
        }
        thread::sleep(Duration::from_millis(5));
    }
}
