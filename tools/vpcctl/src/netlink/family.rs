// SPDX-License-Identifier: GPL-2.0

//! A connection to a generic netlink family of the kernel.

use super::attribute::Attribute;
use super::message::Message;
use super::refusal::Refusal;
use anyhow::bail;
use anyhow::Context;
use anyhow::Error;
use anyhow::Result;
use netlink_packet_core::NetlinkMessage;
use netlink_packet_core::NetlinkPayload;
use netlink_packet_core::NLM_F_ACK;
use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_core::NLM_F_DUMP_INTR;
use netlink_packet_core::NLM_F_REQUEST;
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::Socket;
use netlink_sys::SocketAddr;
use rustix::net::RecvFlags;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

/// The family that knows all families.
const CONTROL: u16 = 16;
const CONTROL_FAMILY_GONE: u8 = 2;
const CONTROL_GET: u8 = 3;
const CONTROL_ID: u16 = 1;
const CONTROL_NAME: u16 = 2;
const CONTROL_GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;

/// How often a dump is asked for again that changes while it is read.
const DUMP_TRIES: usize = 10;

/// What the kernel has told a group.
pub(crate) enum Told {
    Messages(Vec<Message>),
    /// Some of it was lost, since it came faster than it was read.
    Lost,
    /// The family is gone, with whatever module had it.
    Gone,
}

/// How much of a dump the kernel is asked to put into one datagram.
const DATAGRAM: usize = 32 << 10;

/// What the kernel is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) command: u8,
    /// Beyond what each request has; NLM_F_REPLACE, say.
    pub(crate) flags: u16,
    pub(crate) attributes: Vec<Attribute>,
}

impl Request {
    pub(crate) fn new(command: u8, attributes: Vec<Attribute>) -> Self {
        Self {
            command,
            flags: 0,
            attributes,
        }
    }
}

/// A family, and a socket to ask it through.
pub(crate) struct Family {
    socket: Socket,
    id: u16,
    version: u8,
    groups: Vec<(String, u32)>,
    pub(super) sequence: u32,
}

impl Family {
    /// Finds the family `name`; none if the kernel does not have it.
    pub(crate) fn open(name: &str) -> Result<Option<Self>> {
        let mut family = Self {
            socket: connect().context("cannot open a netlink socket")?,
            id: CONTROL,
            version: 2,
            groups: Vec::new(),
            sequence: 0,
        };
        let answer = match family.ask(CONTROL_GET, vec![Attribute::string(CONTROL_NAME, name)]) {
            Ok(answer) => answer,
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal) if refusal.errno == rustix::io::Errno::NOENT.raw_os_error() => {
                    return Ok(None);
                }
                _ => return Err(error),
            },
        };
        for attribute in answer.iter().flat_map(|message| &message.attributes) {
            match attribute.kind() {
                CONTROL_ID => family.id = attribute.to_u16()?,
                CONTROL_GROUPS => family.groups = groups(attribute)?,
                _ => (),
            }
        }
        family.version = 1;
        Ok(Some(family))
    }

    /// Sends a request and waits for all that the kernel answers.
    pub(crate) fn ask(&mut self, command: u8, attributes: Vec<Attribute>) -> Result<Vec<Message>> {
        self.request(Request::new(command, attributes))
    }

    /// The same, with flags.
    pub(crate) fn request(&mut self, mut request: Request) -> Result<Vec<Message>> {
        let mut answers = Vec::new();
        request.flags |= NLM_F_ACK;
        self.exchange(request, &mut |message| {
            answers.push(message);
            Ok(())
        })?;
        Ok(answers)
    }

    /// Asks for everything there is. It is consistent: if it changes, it is asked for again.
    pub(crate) fn dump(&mut self, command: u8) -> Result<Vec<Message>> {
        self.dump_into(command, |all: &mut Vec<Message>, message| {
            all.push(message);
            Ok(())
        })
    }

    /// The same for what may be much: `add` is given one message after the other.
    pub(crate) fn dump_into<T: Default>(
        &mut self,
        command: u8,
        mut add: impl FnMut(&mut T, Message) -> Result<()>,
    ) -> Result<T> {
        for _ in 0..DUMP_TRIES {
            let mut request = Request::new(command, Vec::new());
            request.flags = NLM_F_DUMP;
            let mut all = T::default();
            if self.exchange(request, &mut |message| add(&mut all, message))? {
                return Ok(all);
            }
        }
        bail!("what the kernel has changes too fast to be read; try again")
    }

    /// Sends a request and hands on the answers; false if they may not belong together.
    fn exchange(
        &mut self,
        request: Request,
        add: &mut dyn FnMut(Message) -> Result<()>,
    ) -> Result<bool> {
        let mut bytes = Vec::new();
        let sent = request.attributes.clone();
        self.append(request, &mut bytes);
        self.send(&bytes)?;

        let mut consistent = true;
        loop {
            for answer in self.receive()? {
                if answer.header.sequence_number != self.sequence {
                    continue;
                }
                consistent &= answer.header.flags & NLM_F_DUMP_INTR == 0;
                match answer.payload {
                    NetlinkPayload::InnerMessage(message) => add(message)?,
                    NetlinkPayload::Error(error) if error.code.is_none() => return Ok(consistent),
                    NetlinkPayload::Error(error) => {
                        let errno = error.raw_code().wrapping_neg();
                        let (header, rest) = (&answer.header, &error.header);
                        bail!(Refusal::from_error(errno, header, rest, &sent));
                    }
                    NetlinkPayload::Done(done) if done.code == 0 => return Ok(consistent),
                    NetlinkPayload::Done(done) => {
                        let errno = done.code.wrapping_neg();
                        bail!(Refusal::from_extended(errno, &done.extended_ack, &sent));
                    }
                    _ => (),
                }
            }
        }
    }

    /// Appends a request, which gets the next sequence number, to what is to be sent.
    pub(super) fn append(&mut self, request: Request, bytes: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let message = Message {
            family: self.id,
            command: request.command,
            version: self.version,
            attributes: request.attributes,
        };
        let mut message =
            NetlinkMessage::new(Default::default(), NetlinkPayload::InnerMessage(message));
        message.header.flags = NLM_F_REQUEST | request.flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let at = bytes.len();
        bytes.resize(at + message.buffer_len(), 0);
        message.serialize(&mut bytes[at..]);
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Result<()> {
        self.socket
            .send(bytes, 0)
            .context("cannot send to the kernel")?;
        Ok(())
    }

    /// From now on, `next` gets what the kernel tells these groups. Such a connection is for
    /// nothing else: what is told could be taken for an answer.
    pub(crate) fn subscribe(&mut self, groups: &[&str]) -> Result<()> {
        groups.iter().try_for_each(|group| self.join(group))?;
        // Who knows all families tells when one is gone.
        if let Some(control) = Self::open("nlctrl")? {
            self.groups = control.groups;
            self.join("notify")?;
        }
        Ok(())
    }

    fn join(&self, group: &str) -> Result<()> {
        let Some((_, id)) = self.groups.iter().find(|(name, _)| name == group) else {
            bail!("the kernel has no notifications called {group}");
        };
        self.socket
            .add_membership(*id)
            .with_context(|| format!("cannot subscribe to the notifications called {group}"))
    }

    /// Waits for what the kernel tells.
    pub(crate) fn next(&mut self) -> Result<Told> {
        let received = match self.receive() {
            Ok(received) => received,
            Err(error) if is_overrun(&error) => return Ok(Told::Lost),
            Err(error) => return Err(error),
        };
        let mut messages = Vec::new();
        for message in received {
            let NetlinkPayload::InnerMessage(message) = message.payload else {
                continue;
            };
            if message.family == self.id {
                messages.push(message);
            } else if is_end_of(self.id, &message) {
                return Ok(Told::Gone);
            }
        }
        Ok(Told::Messages(messages))
    }

    /// Reads one datagram, which holds one message or more.
    pub(super) fn receive(&self) -> Result<Vec<NetlinkMessage<Message>>> {
        const DAMAGED: &str = "the kernel's answer cannot be understood";
        let bytes = datagram(&self.socket).context("cannot read what the kernel answers")?;
        let mut messages = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<Message>::deserialize(rest).context(DAMAGED)?;
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
            messages.push(message);
        }
        Ok(messages)
    }
}

/// Has the kernel had more to say than the socket holds?
pub(super) fn is_overrun(error: &Error) -> bool {
    const NOBUFS: i32 = rustix::io::Errno::NOBUFS.raw_os_error();
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.raw_os_error() == Some(NOBUFS))
}

impl AsFd for Family {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A socket to the kernel, which is to answer with words, too.
fn connect() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_GENERIC)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.set_cap_ack(true)?;
    socket.set_ext_ack(true)?;
    Ok(socket)
}

/// Reads a datagram, however long. The kernel fills those of a dump as far as there was room for
/// the one before.
fn datagram(socket: &Socket) -> io::Result<Vec<u8>> {
    const PEEK: i32 = (RecvFlags::PEEK.bits() | RecvFlags::TRUNC.bits()) as i32;
    let (length, _) = socket.recv_from(&mut Vec::new(), PEEK)?;
    let mut bytes = Vec::with_capacity(length.max(DATAGRAM));
    socket.recv_from(&mut bytes, 0)?;
    Ok(bytes)
}

/// Does the message say that this family is no more?
fn is_end_of(family: u16, message: &Message) -> bool {
    let names = |attribute: &Attribute| {
        attribute.kind() == CONTROL_ID && attribute.to_u16().is_ok_and(|id| id == family)
    };
    message.family == CONTROL
        && message.command == CONTROL_FAMILY_GONE
        && message.attributes.iter().any(names)
}

/// The multicast groups of a family, with their numbers.
fn groups(list: &Attribute) -> Result<Vec<(String, u32)>> {
    let mut groups = Vec::new();
    for group in list.to_nest()? {
        let (mut name, mut id) = (None, None);
        for attribute in group.to_nest()? {
            match attribute.kind() {
                GROUP_NAME => name = Some(attribute.to_text()?),
                GROUP_ID => id = Some(attribute.to_u32()?),
                _ => (),
            }
        }
        groups.extend(name.zip(id));
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_found_by_name() {
        let control = Family::open("nlctrl").unwrap().unwrap();
        assert_eq!(control.id, CONTROL);
        assert!(control.groups.iter().any(|(name, _)| name == "notify"));
        assert!(Family::open("no such family").unwrap().is_none());
    }

    #[test]
    fn the_kernel_says_what_is_wrong() {
        let mut control = Family::open("nlctrl").unwrap().unwrap();
        let error = control.ask(CONTROL_GET, Vec::new()).unwrap_err();
        assert!(error.downcast_ref::<Refusal>().is_some(), "{error:#}");
        let error = control.subscribe(&["no such group"]).unwrap_err();
        assert!(error.to_string().contains("no such group"));
    }

    #[test]
    fn the_end_of_a_family_is_noticed() {
        let told = |command, id| Message {
            family: CONTROL,
            command,
            version: 2,
            attributes: vec![Attribute::u16(CONTROL_ID, id)],
        };
        assert!(is_end_of(30, &told(CONTROL_FAMILY_GONE, 30)));
        assert!(!is_end_of(30, &told(CONTROL_FAMILY_GONE, 31)));
        assert!(!is_end_of(30, &told(1, 30)));
    }
}
