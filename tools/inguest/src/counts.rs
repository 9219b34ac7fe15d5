// SPDX-License-Identifier: GPL-2.0

//! What the queues of a network card have received: the generic netlink family `netdev` knows it.

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use rustix::net::netlink;
use rustix::net::recv;
use rustix::net::send;
use rustix::net::socket;
use rustix::net::AddressFamily;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use rustix::net::SocketType;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// Family, command and attributes of the question for a family's number.
const CONTROL: u16 = 16;
const CONTROL_GET: u8 = 3;
const CONTROL_ID: u16 = 1;
const CONTROL_NAME: u16 = 2;

/// The same for the counts: NETDEV_CMD_QSTATS_GET, NETDEV_A_QSTATS_*.
const COUNTS_GET: u8 = 12;
const DEVICE: u16 = 1;
const QUEUE_KIND: u16 = 2;
const QUEUE: u16 = 3;
const SCOPE: u16 = 4;
const RX_PACKETS: u16 = 8;

/// Values of the kind and of the scope.
const KIND_RX: u64 = 0;
const SCOPE_QUEUE: u32 = 1;

const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// Bytes of the header of a message, together with that of generic netlink.
const HEADER: usize = 20;

type Attributes = BTreeMap<u16, Vec<u8>>;

/// Packets received by each queue of a device.
pub(crate) fn received(device: &str) -> Result<Vec<u64>> {
    let path = format!("/sys/class/net/{device}/ifindex");
    let index: u32 = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {path}"))?
        .trim()
        .parse()?;
    let socket = socket(
        AddressFamily::NETLINK,
        SocketType::RAW,
        Some(netlink::GENERIC),
    )?;
    let family = ask(
        &socket,
        CONTROL,
        CONTROL_GET,
        0,
        &[(CONTROL_NAME, b"netdev\0")],
    )?;
    let family = family
        .first()
        .context("no answer about the family netdev")?;
    let family = u16::try_from(number(family, CONTROL_ID)?)?;

    let question: [(u16, &[u8]); 2] = [
        (DEVICE, &index.to_ne_bytes()),
        (SCOPE, &SCOPE_QUEUE.to_ne_bytes()),
    ];
    let mut counts = BTreeMap::new();
    for queue in ask(&socket, family, COUNTS_GET, DUMP, &question)? {
        if number(&queue, QUEUE_KIND)? == KIND_RX {
            counts.insert(number(&queue, QUEUE)?, number(&queue, RX_PACKETS)?);
        }
    }
    Ok(counts.into_values().collect())
}

/// The attributes of each answer to a question.
fn ask(
    socket: &OwnedFd,
    family: u16,
    command: u8,
    flags: u16,
    attributes: &[(u16, &[u8])],
) -> Result<Vec<Attributes>> {
    let mut body = vec![command, 1, 0, 0];
    for (kind, value) in attributes {
        body.extend(u16::try_from(4 + value.len())?.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut message = u32::try_from(16 + body.len())?.to_ne_bytes().to_vec();
    message.extend(family.to_ne_bytes());
    message.extend((REQUEST | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    send(socket, &message, SendFlags::empty())?;

    let mut answers = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (size, _) = recv(socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let mut rest = buffer.get(..size).unwrap_or_default();
        while !rest.is_empty() {
            let length = usize::try_from(word(rest, 0)?)?;
            let (message, next) = cut(rest, length).context("a message is cut")?;
            match half(message, 4)? {
                DONE => return Ok(answers),
                ERROR => bail!(
                    "netlink refuses: error {}",
                    word(message, HEADER - 4)?.wrapping_neg()
                ),
                _ => answers.push(attributes_of(message.get(HEADER..).unwrap_or_default())?),
            }
            rest = next;
        }
        if flags & DUMP == 0 {
            return Ok(answers);
        }
    }
}

/// Takes attributes apart.
fn attributes_of(mut rest: &[u8]) -> Result<Attributes> {
    let mut found = Attributes::new();
    while rest.len() >= 4 {
        let (one, next) = cut(rest, usize::from(half(rest, 0)?)).context("an attribute is cut")?;
        found.insert(
            half(one, 2)? & 0x3fff,
            one.get(4..).unwrap_or_default().to_vec(),
        );
        rest = next;
    }
    Ok(found)
}

/// A piece of `size` bytes, and what follows the padding behind it.
fn cut(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let piece = bytes.get(..size)?;
    let next = bytes.get(size.next_multiple_of(4)..).unwrap_or_default();
    (size >= 4).then_some((piece, next))
}

fn half(bytes: &[u8], at: usize) -> Result<u16> {
    let found = bytes.get(at..at + 2).context("a message is cut")?;
    Ok(u16::from_ne_bytes(found.try_into()?))
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let found = bytes.get(at..at + 4).context("a message is cut")?;
    Ok(u32::from_ne_bytes(found.try_into()?))
}

/// An attribute that is a number of 2, 4 or 8 bytes.
fn number(attributes: &Attributes, kind: u16) -> Result<u64> {
    let value = attributes.get(&kind).context("an attribute is missing")?;
    Ok(match value.len() {
        2 => half(value, 0)?.into(),
        4 => word(value, 0)?.into(),
        _ => u64::from_ne_bytes(value.as_slice().try_into()?),
    })
}
