// SPDX-License-Identifier: GPL-2.0

//! What would become of a frame, and why.

use kernel::fmt;
use kernel::fmt::Write as _;
use kernel::prelude::*;

use vpc_core::eth;
use vpc_core::ip::Version;
use vpc_core::vpc::packet::Packet;
use vpcnet::conntrack::Conn;
use vpcnet::context::Datapath;
use vpcnet::genl::Request;
use vpcnet::percpu::ThisCpu;
use vpcnet::pernet;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::step;
use vpcnet::vpc_hook::trace as attr;

use crate::ask::Place;
use crate::entry::addr_key;
use crate::hook::Here;
use crate::port::Connections;
use crate::remote;
use crate::state::State;
use crate::tally::Why;
use crate::vpc;
use crate::way;
use crate::way::Answer;
use crate::way::Watcher;
use crate::way::Way;

/// The most steps that a frame can take.
const STEPS: usize = 12;

/// A step, and what came of it.
struct Step {
    name: &'static CStr,
    text: Line,
}

/// A short text; what does not fit is cut off.
struct Line {
    bytes: [u8; 96],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            *self.bytes.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}

/// Who takes note of the steps.
struct Notes(KVec<Step>);

impl Notes {
    fn add(&mut self, name: &'static CStr, text: fmt::Arguments<'_>) {
        let mut line = Line {
            bytes: [0; 96],
            len: 0,
        };
        let _ = line.write_fmt(text);
        // There is room for more steps than there are.
        let _ = self.0.push_within_capacity(Step { name, text: line });
    }

    fn end(&mut self, way: &Way<'_>) {
        match way {
            Way::Answer => self.add(c"verdict", fmt!("it is answered")),
            Way::To(_, None) => self.add(c"verdict", fmt!("it is sent")),
            Way::To(_, Some(_)) => self.add(c"verdict", fmt!("it is routed and sent")),
            Way::Flood { .. } => self.add(c"verdict", fmt!("it is sent to all")),
            Way::Drop(why) | Way::Refused(_, why) => self.dropped(*why),
        }
    }

    fn dropped(&mut self, why: Why) {
        self.add(
            c"verdict",
            fmt!("it is dropped ({}): {}", why.name(), why.sentence()),
        );
    }
}

impl Watcher for Notes {
    const COUNTS: bool = false;

    fn step(&mut self, name: &'static CStr, text: fmt::Arguments<'_>) {
        self.add(name, text);
    }

    fn answer(&mut self, _answer: Answer) {}

    fn conn(&mut self, _here: &Here<'_>, _place: &Place<'_>, _version: Version) -> Conn {
        self.add(c"connection", fmt!("taken for the first packet of one"));
        Conn::New
    }

    fn keep(&mut self, _here: &Here<'_>, place: &Place<'_>) -> bool {
        let Connections { zone, most } = &place.settings.connections;
        let zone = zone.as_ref();
        if zone.is_some_and(|zone| zone.connections() >= *most) {
            self.add(c"connection", fmt!("the port has {most} already"));
            return false;
        }
        self.add(c"connection", fmt!("would be kept, and let answers pass"));
        true
    }
}

/// `trace`.
pub(crate) fn trace(request: &Request<'_>) -> Result {
    let Some(frame) = request.attrs.get(attr::FRAME) else {
        return Err(request.ack.refuse(EINVAL, c"there is no frame"));
    };
    let frame = frame.payload();
    if frame.len() < eth::HEADER_LEN {
        let why = c"a frame has 14 bytes at least";
        return Err(request.ack.refuse(EINVAL, why));
    }
    let ifindex = request.attrs.get(attr::IFINDEX).and_then(|it| it.u32());
    let came_by = match ifindex {
        Some(_) => None,
        None => Some((
            vpc::id(request, attr::VPC)?,
            remote::addr(request, attr::REMOTE)?,
        )),
    };
    let mut notes = Notes(KVec::with_capacity(STEPS, GFP_KERNEL)?);
    let state = pernet::get::<State>(request.net()).ok_or(ENOENT)?;
    Datapath::with(|dp| -> Result {
        let Some(config) = state.config(dp) else {
            let why = c"nothing is configured in this namespace";
            return Err(request.ack.refuse(ENOENT, why));
        };
        let here = Here {
            state,
            config,
            net: request.net(),
            cpu: ThisCpu::get(dp),
            dp,
        };
        let packet = Packet::parse(frame, frame.len());
        if let Some(ifindex) = ifindex {
            let port = config.port(ifindex, dp);
            let Some((port, settings)) =
                port.and_then(|port| port.settings(dp).map(|settings| (port, settings)))
            else {
                return Err(request.ack.refuse(ENOENT, c"the device is no port"));
            };
            let way = match &packet {
                Ok(packet) => way::from_vm(&here, port, settings, packet, frame, &mut notes),
                Err(problem) => Way::Drop(Why::Malformed(*problem)),
            };
            notes.end(&way);
        } else if let Some((vpc, addr)) = came_by {
            let Some(remote) = config.remotes.get(&addr_key(vpc, addr), dp) else {
                let why = c"the VPC has no such remote: such frames are dropped";
                return Err(request.ack.refuse(ENOENT, why));
            };
            let way = match &packet {
                Ok(packet) => way::from_wire(&here, remote, packet, frame, &mut notes),
                Err(problem) => Way::Drop(Why::Malformed(*problem)),
            };
            notes.end(&way);
        }
        Ok(())
    })?;
    request.reply(cmd::TRACE, 4096, |message| {
        for note in &notes.0 {
            message.put_nested(attr::STEP, |message| {
                message.put_str(step::NAME, note.name.to_bytes())?;
                let text = note.text.bytes.get(..note.text.len).unwrap_or(&[]);
                message.put_str(step::TEXT, text)
            })?;
        }
        Ok(())
    })
}
