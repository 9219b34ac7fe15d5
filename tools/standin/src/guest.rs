// SPDX-License-Identifier: GPL-2.0

//! The guest itself: the queues of its tap, what it knows, what it has counted.

use crate::answer;
use crate::answer::Identity;
use crate::answer::Meaning;
use crate::args::GuestArgs;
use crate::args::Mac;
use crate::frame;
use crate::frame::End;
use crate::report::QueueCounters;
use crate::report::Report;
use crate::series::Series;
use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use std::collections::HashMap;
use std::fmt::Write;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;
use tun_rs::DeviceBuilder;
use tun_rs::Layer;
use tun_rs::SyncDevice;

/// Length in bytes of `struct virtio_net_hdr` (linux/virtio_net.h), which `--vnet-hdr` puts before
/// each frame.
const VNET_LEN: usize = 10;
/// `VIRTIO_NET_HDR_F_NEEDS_CSUM` in its first byte.
const NEEDS_CSUM: u8 = 1;
/// Room for the longest frame: 64 KiB of IP packet, Ethernet header, tags, virtio header.
const BUFFER_LEN: usize = 65_536 + 64;
/// How long to look for a neighbour, and how long to wait before asking again.
const RESOLVE_FOR: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// One queue of the tap.
struct Queue {
    tap: SyncDevice,
    counters: QueueCounters,
}

/// The tags of received frames.
#[derive(Default)]
struct Tags {
    /// Frames that carry any.
    tagged: u64,
    /// Frames that carry one of another tenant, and the first of them.
    foreign: u64,
    first: Option<Vec<u8>>,
}

/// A guest on a tap. Shared by the threads that receive and the ones that run commands.
pub(crate) struct Guest {
    pub(crate) me: Identity,
    pub(crate) id: u16,
    /// What its frames are marked with.
    pub(crate) tag: Option<[u8; tag::LEN]>,
    tenant: Option<u32>,
    tags: Mutex<Tags>,
    tap: String,
    queues: Vec<Queue>,
    vnet_len: usize,
    next_run: AtomicU32,
    series: Mutex<Series>,
    neighbours: Mutex<HashMap<IpAddr, Mac>>,
    learned: Condvar,
    pings: Mutex<HashMap<u16, mpsc::Sender<u16>>>,
}

impl Guest {
    /// Opens all queues of the tap.
    pub(crate) fn open(args: &GuestArgs) -> Result<Guest> {
        let first = DeviceBuilder::new()
            .name(&args.tap)
            .layer(Layer::L2)
            .inherit_enable_state()
            .with(|options| {
                options.multi_queue(true).offload(args.vnet_hdr);
            })
            .build_sync()
            .with_context(|| format!("cannot open the tap {}", args.tap))?;
        if args.up {
            first
                .enabled(true)
                .with_context(|| format!("cannot set {} up", args.tap))?;
        }
        let mut taps = vec![first];
        for queue in 1..args.queues {
            let next = taps[0]
                .try_clone()
                .with_context(|| format!("cannot open queue {queue} of the tap {}", args.tap))?;
            taps.push(next);
        }
        let queues = taps
            .into_iter()
            .map(|tap| Queue {
                tap,
                counters: QueueCounters::default(),
            })
            .collect();
        let [.., last] = args.mac.0;
        // Run numbers must differ from those of an earlier process with the same id.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Guest {
            me: Identity {
                mac: args.mac,
                nets: args.ip.clone(),
            },
            id: args.id.unwrap_or(u16::from(last)),
            tag: args.tenant.map(tag::of),
            tenant: args.tenant,
            tags: Mutex::default(),
            tap: args.tap.clone(),
            queues,
            vnet_len: if args.vnet_hdr { VNET_LEN } else { 0 },
            next_run: AtomicU32::new(now.as_millis() as u32),
            series: Mutex::default(),
            neighbours: Mutex::default(),
            learned: Condvar::new(),
            pings: Mutex::default(),
        })
    }

    /// Number of queues.
    pub(crate) fn queues(&self) -> u16 {
        self.queues.len() as u16
    }

    /// Bytes of virtio header before each frame.
    pub(crate) fn vnet_len(&self) -> usize {
        self.vnet_len
    }

    /// A number for the next `send`.
    pub(crate) fn new_run(&self) -> u32 {
        self.next_run.fetch_add(1, Ordering::Relaxed)
    }

    /// Receives on `queue` until the tap fails; says how.
    pub(crate) fn receive(&self, queue: u16) -> anyhow::Error {
        let mut buffer = vec![0; BUFFER_LEN];
        let Some(own) = self.queues.get(usize::from(queue)) else {
            return anyhow!("there is no queue {queue}");
        };
        loop {
            let len = match own.tap.recv(&mut buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return anyhow!("{} is gone: {error}", self.tap),
            };
            let Some((header, frame)) = buffer[..len].split_at_checked(self.vnet_len) else {
                continue;
            };
            let csum_is_there = header.first().is_none_or(|flags| flags & NEEDS_CSUM == 0);
            self.take(queue, &own.counters, frame, csum_is_there);
        }
    }

    /// Counts and answers one received frame.
    fn take(&self, queue: u16, counters: &QueueCounters, frame: &[u8], csum_is_there: bool) {
        add(&counters.rx_frames, 1);
        add(&counters.rx_bytes, frame.len());
        self.look_for_tags(frame);
        let answer = match answer::understand(&self.me, frame, csum_is_there) {
            Meaning::Stamped(stamp) => {
                add(&counters.rx_stamped, 1);
                lock(&self.series).count(stamp, queue, self.queues());
                None
            }
            Meaning::Arp { learned, answer } => {
                add(&counters.rx_arp, 1);
                self.learn(learned);
                answer
            }
            Meaning::Neighbour { learned, answer } => {
                add(&counters.rx_nd, 1);
                self.learn(learned);
                answer
            }
            Meaning::EchoRequest { answer } => {
                add(&counters.rx_echo, 1);
                answer
            }
            Meaning::EchoReply { id, seq } => {
                add(&counters.rx_echo, 1);
                if let Some(waiting) = lock(&self.pings).get(&id) {
                    let _ = waiting.send(seq);
                }
                None
            }
            Meaning::Foreign => {
                add(&counters.rx_foreign, 1);
                None
            }
            Meaning::Corrupt => {
                add(&counters.rx_corrupt, 1);
                None
            }
            Meaning::Other => {
                add(&counters.rx_other, 1);
                None
            }
        };
        if let Some(answer) = answer {
            // A lost answer is counted; the asker will ask again.
            let _ = self.send(queue, &answer);
        }
    }

    /// Counts a frame that carries the tag of a tenant, and keeps the first of another one.
    fn look_for_tags(&self, frame: &[u8]) {
        let Some(own) = self.tenant else {
            return;
        };
        let mut found = tag::find(frame).peekable();
        if found.peek().is_none() {
            return;
        }
        let mut tags = lock(&self.tags);
        tags.tagged += 1;
        if found.any(|tenant| tenant != own) {
            tags.foreign += 1;
            tags.first.get_or_insert_with(|| frame.to_vec());
        }
    }

    /// Sends `frame` on `queue` and counts it.
    pub(crate) fn send(&self, queue: u16, frame: &[u8]) -> Result<()> {
        let sent = if self.vnet_len == 0 {
            self.write(queue, frame)
        } else {
            // All zero: no offload asked for.
            let mut whole = vec![0; self.vnet_len];
            whole.extend(frame);
            self.write(queue, &whole)
        };
        sent.with_context(|| format!("cannot send on {}", self.tap))
    }

    /// Writes a frame, with its virtio header if the tap has them, to `queue`, and counts it.
    pub(crate) fn write(&self, queue: u16, whole: &[u8]) -> std::io::Result<()> {
        let Some(queue) = self.queues.get(usize::from(queue)) else {
            return Err(ErrorKind::NotFound.into());
        };
        match queue.tap.send(whole) {
            Ok(_) => {
                add(&queue.counters.tx_frames, 1);
                add(&queue.counters.tx_bytes, whole.len() - self.vnet_len);
                Ok(())
            }
            Err(error) => {
                add(&queue.counters.tx_errors, 1);
                Err(error)
            }
        }
    }

    fn learn(&self, neighbour: Option<End>) {
        if let Some(End { mac, ip }) = neighbour {
            lock(&self.neighbours).insert(ip, mac);
            self.learned.notify_all();
        }
    }

    /// Finds the MAC address of `ip`, asking on `queue` if it is not known yet.
    pub(crate) fn resolve(&self, ip: IpAddr, queue: u16) -> Result<Mac> {
        let end = Instant::now() + RESOLVE_FOR;
        let mut neighbours = lock(&self.neighbours);
        loop {
            if let Some(mac) = neighbours.get(&ip) {
                return Ok(*mac);
            }
            if Instant::now() >= end {
                bail!("nobody answers for {ip}");
            }
            drop(neighbours);
            self.ask(ip, queue)?;
            neighbours = lock(&self.neighbours);
            if !neighbours.contains_key(&ip) {
                neighbours = match self.learned.wait_timeout(neighbours, ASK_AGAIN) {
                    Ok((neighbours, _)) => neighbours,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
        }
    }

    fn ask(&self, ip: IpAddr, queue: u16) -> Result<()> {
        let question = match (self.me.source_for(ip), ip) {
            (Some(IpAddr::V6(own)), IpAddr::V6(ip)) => frame::solicitation((self.me.mac, own), ip),
            (None, IpAddr::V6(_)) => bail!("the guest has no IPv6 address to ask from"),
            (Some(IpAddr::V4(own)), IpAddr::V4(ip)) => {
                frame::arp((self.me.mac, own), (frame::BROADCAST, ip))
            }
            (_, IpAddr::V4(ip)) => {
                // Without an address of its own the guest asks as a prober does (RFC 5227).
                frame::arp((self.me.mac, Ipv4Addr::UNSPECIFIED), (frame::BROADCAST, ip))
            }
            (Some(IpAddr::V4(_)), IpAddr::V6(_)) => None,
        };
        self.send(queue, &question.context("cannot build the question")?)
    }

    /// Has echo replies for `id` go to a new channel, until [`Guest::forget_ping`].
    pub(crate) fn expect_ping(&self, id: u16) -> mpsc::Receiver<u16> {
        let (sender, receiver) = mpsc::channel();
        lock(&self.pings).insert(id, sender);
        receiver
    }

    /// The reverse of [`Guest::expect_ping`].
    pub(crate) fn forget_ping(&self, id: u16) {
        lock(&self.pings).remove(&id);
    }

    /// Stamped frames received since the last reset.
    pub(crate) fn stamped(&self) -> u64 {
        lock(&self.series).frames
    }

    /// Sets all counters to zero.
    pub(crate) fn reset(&self) {
        for queue in &self.queues {
            queue.counters.reset();
        }
        *lock(&self.series) = Series::default();
        *lock(&self.tags) = Tags::default();
    }

    /// Everything counted so far.
    pub(crate) fn report(&self) -> Report {
        let queues: Vec<_> = (0..)
            .zip(&self.queues)
            .map(|(at, queue)| queue.counters.report(at))
            .collect();
        let tags = lock(&self.tags);
        let series = lock(&self.series);
        let all = series.report();
        Report {
            tap: self.tap.clone(),
            id: self.id,
            mac: self.me.mac.to_string(),
            corrupt: queues.iter().map(|queue| queue.rx_corrupt).sum(),
            queues,
            tagged: tags.tagged,
            foreign: tags.foreign,
            foreign_frame: tags.first.as_deref().map(hex),
            stamped: series.frames,
            lost: all.iter().map(|series| series.lost).sum(),
            reordered: all.iter().map(|series| series.reordered).sum(),
            duplicate: all.iter().map(|series| series.duplicate).sum(),
            series: all,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn add(counter: &std::sync::atomic::AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

/// Locks; a thread that died while counting left nothing that could not be read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
