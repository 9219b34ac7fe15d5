// SPDX-License-Identifier: GPL-2.0

//! Families of generic netlink.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering;

use kernel::error::from_result;
use kernel::error::to_result;
use kernel::ffi::c_char;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::prelude::*;

use crate::attr::Attrs;
use crate::attr::Extack;
use crate::attr::Message;
use crate::attr::Nested;
use crate::attr::Policy;
use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::dump;
use crate::dump::Dump;
use crate::netdev::NetDev;
use crate::netns::Net;
use crate::sockets::Socket;

/// One operation.
pub struct Op {
    /// Number of the command.
    pub cmd: u8,
    /// Whether it needs `CAP_NET_ADMIN` in the namespace that it is about.
    pub admin: bool,
    /// Policies of the attributes of a request, by type; the last is the highest type.
    pub policy: &'static [Policy],
    /// What it does.
    pub run: Run,
}

/// What an operation does; process context without RTNL.
pub enum Run {
    /// Serves a request.
    Do(fn(&Request<'_>) -> Result),
    /// Puts as many messages as there is room for, from the place on where the last call has left off.
    Dump(fn(&mut Dump<'_>) -> Result),
}

/// A request.
pub struct Request<'a> {
    info: *mut bindings::genl_info,
    skb: *const bindings::sk_buff,
    /// Its attributes.
    pub attrs: Attrs<'a>,
    /// Where to say what is wrong.
    pub ack: Extack<'a>,
}

impl Request<'_> {
    /// The namespace that it comes from.
    pub fn net(&self) -> &Net {
        // SAFETY: The information is valid, and the request keeps its namespace.
        unsafe { Net::from_raw(bindings::vpcnet_genl_net(self.info)) }
    }

    /// The device that it names by index, by name or by both, given by attributes of these types.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it names none, or two; `ENODEV` if there is no such device in the namespace.
    pub fn device<'a>(&self, index: u16, name: u16, rtnl: &'a Rtnl) -> Result<&'a NetDev> {
        let index = self.attrs.get(index).and_then(|attr| attr.u32());
        let name = self.attrs.get(name).and_then(|attr| attr.string());
        let dev = match (index, name) {
            (None, None) => {
                let why = c"name the device, by ifindex or ifname";
                return Err(self.ack.refuse(EINVAL, why));
            }
            (Some(index), _) => NetDev::by_index(self.net(), index, rtnl),
            (None, Some(name)) => NetDev::by_name(self.net(), name, rtnl),
        };
        let Some(dev) = dev else {
            let why = c"no device of that name or index in this namespace";
            return Err(self.ack.refuse(ENODEV, why));
        };
        if name.is_some_and(|name| name.to_bytes() != dev.name(rtnl)) {
            let why = c"ifindex and ifname are those of different devices";
            return Err(self.ack.refuse(EINVAL, why));
        }
        Ok(dev)
    }

    /// The socket that it comes from.
    pub fn socket(&self) -> Socket {
        // SAFETY: The request is valid, and so is its socket.
        unsafe {
            Socket::hold(
                bindings::vpcnet_genl_sock(self.skb),
                (*self.info).snd_portid,
            )
        }
    }

    /// Whether it comes from that socket.
    pub fn is_from(&self, socket: &Socket) -> bool {
        // SAFETY: The request is valid.
        socket.is(unsafe { bindings::vpcnet_genl_sock(self.skb) })
    }

    /// Whether who asks may configure the network of the whole host, not only of this namespace.
    pub fn is_of_host_admin(&self) -> bool {
        // SAFETY: Process context.
        unsafe { bindings::vpcnet_is_host_admin() }
    }

    /// Whether what is there already may be replaced, `NLM_F_REPLACE`.
    pub fn replaces(&self) -> bool {
        // SAFETY: The information is valid, and so is its header.
        let flags = unsafe { (*(*self.info).nlhdr).nlmsg_flags };
        u32::from(flags) & bindings::NLM_F_REPLACE != 0
    }

    /// The payloads of all attributes of a type, of which there may be several.
    pub fn each(&self, kind: u16) -> impl Iterator<Item = &[u8]> {
        let mut len = 0;
        // SAFETY: The information is valid; the attributes are that many bytes, which the core has
        // found to be well formed.
        let all = unsafe {
            let start = bindings::vpcnet_genl_attrs(self.info, &mut len);
            core::slice::from_raw_parts(start.cast::<u8>(), len as usize)
        };
        Nested::new(all)
            .filter(move |&(it, _)| it == kind)
            .map(|(_, payload)| payload)
    }

    /// Answers with a message of at most `size` bytes of attributes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `fill` says.
    pub fn reply(
        &self,
        cmd: u8,
        size: usize,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        // SAFETY: The information is valid; the function fills the message in if it says so.
        let message = build(fill, |out| unsafe {
            bindings::vpcnet_genl_reply_new(self.info, cmd, size, out)
        })?;
        // SAFETY: The message is given away.
        to_result(unsafe { bindings::vpcnet_genl_reply_send(self.info, &message) })
    }
}

/// Makes a message by `new` and fills it.
fn build(
    fill: impl FnOnce(&mut Message<'_>) -> Result,
    new: impl FnOnce(*mut bindings::vpcnet_genl_message) -> bool,
) -> Result<bindings::vpcnet_genl_message> {
    let mut message = MaybeUninit::<bindings::vpcnet_genl_message>::zeroed();
    if !new(message.as_mut_ptr()) {
        return Err(ENOMEM);
    }
    // SAFETY: It was zeroed, which is valid, and `new()` has filled it in.
    let message = unsafe { message.assume_init() };
    // SAFETY: The message is ours.
    if let Err(error) = fill(&mut unsafe { Message::from_raw(message.skb) }) {
        // SAFETY: As above; it is not used again.
        unsafe { bindings::vpcnet_genl_free(&message) };
        return Err(error);
    }
    Ok(message)
}

/// A family: its operations and its multicast groups. A static of the module.
///
/// # Invariants
///
/// `raw` comes first, so that a pointer to it is one to the family.
#[repr(C)]
pub struct Family {
    raw: UnsafeCell<bindings::genl_family>,
    /// Whether there is anybody to tell: `raw` has numbers of groups then.
    registered: AtomicBool,
    name: &'static CStr,
    ops: &'static [Op],
    groups: &'static [Group],
    /// Whether requests may have flags of their own, as [`Request::replaces`] asks for.
    flags: bool,
}

// SAFETY: `raw` is written on registration only, when nobody uses it.
unsafe impl Sync for Family {}

/// A multicast group.
#[repr(transparent)]
pub struct Group(bindings::genl_multicast_group);

impl Group {
    /// A group with that name, of at most 15 bytes and an end.
    pub const fn new(name: &[u8; 16]) -> Self {
        let mut group: bindings::genl_multicast_group = pin_init::zeroed();
        group.name = *name;
        Group(group)
    }

    /// The same, for listeners with `CAP_NET_ADMIN` in their namespace only.
    pub const fn for_admins(mut self) -> Self {
        self.0.flags = bindings::VPCNET_GENL_MCAST_ADMIN;
        self
    }
}

impl Family {
    /// A family of that name.
    pub const fn new(name: &'static CStr, ops: &'static [Op], groups: &'static [Group]) -> Self {
        Family {
            raw: UnsafeCell::new(pin_init::zeroed()),
            registered: AtomicBool::new(false),
            name,
            ops,
            groups,
            flags: false,
        }
    }

    /// The same, whose requests may have flags: the core refuses them otherwise.
    pub const fn with_flags(mut self) -> Self {
        self.flags = true;
        self
    }

    /// Tells the listeners of a group about something in a namespace; nobody, before the family is
    /// registered and afterwards.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `fill` says.
    pub fn notify(
        &self,
        net: &Net,
        group: usize,
        cmd: u8,
        size: usize,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        self.tell(net, group, cmd, size, false, fill)
    }

    /// As [`Family::notify`], for a packet; cheap if nobody listens.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn notify_of_packet(
        &self,
        net: &Net,
        group: usize,
        cmd: u8,
        size: usize,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
        _dp: &Datapath,
    ) -> Result {
        if !self.is_heard(net, group) {
            return Ok(());
        }
        self.tell(net, group, cmd, size, true, fill)
    }

    /// Whether anybody listens to a group.
    pub fn is_heard(&self, net: &Net, group: usize) -> bool {
        if !self.registered.load(Ordering::Acquire) {
            return false;
        }
        // SAFETY: The family is registered or was, valid in any case, and so is the namespace.
        unsafe {
            bindings::vpcnet_genl_has_listeners(self.raw.get(), net.as_ptr(), group as c_uint)
        }
    }

    fn tell(
        &self,
        net: &Net,
        group: usize,
        cmd: u8,
        size: usize,
        atomic: bool,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        if !self.registered.load(Ordering::Acquire) {
            return Ok(());
        }
        // SAFETY: The family is registered or was, valid in any case.
        let message = build(fill, |out| unsafe {
            bindings::vpcnet_genl_event_new(self.raw.get(), cmd, size, atomic, out)
        })?;
        // SAFETY: As above; the message is given away.
        unsafe {
            bindings::vpcnet_genl_event_send(
                self.raw.get(),
                net.as_ptr(),
                &message,
                group as c_uint,
                atomic,
            );
        }
        Ok(())
    }
}

/// The registration of a family; dropping it ends its operations, and waits for them.
pub struct Registration {
    family: &'static Family,
    // What the core refers to; freed after it.
    _ops: KVec<SplitOp>,
}

struct SplitOp(#[allow(dead_code)] bindings::genl_split_ops);
// SAFETY: The pointers in it are to statics.
unsafe impl Send for SplitOp {}
// SAFETY: As above.
unsafe impl Sync for SplitOp {}

impl Registration {
    /// Registers a family, once; process context without RTNL.
    ///
    /// # Errors
    ///
    /// `EEXIST` if another has the name, `ENOMEM`.
    pub fn new(family: &'static Family, module: &'static ThisModule) -> Result<Self> {
        let mut ops = KVec::with_capacity(family.ops.len(), GFP_KERNEL)?;
        for op in family.ops {
            ops.push(SplitOp(split(op)), GFP_KERNEL)?;
        }
        // SAFETY: Nobody uses the family before it is registered, and this is called once.
        unsafe {
            let raw = &mut *family.raw.get();
            for (to, &from) in raw.name.iter_mut().zip(family.name.to_bytes()) {
                *to = from as c_char;
            }
            raw.version = 1;
            raw.set_netnsok(1);
            raw.set_parallel_ops(1);
            raw.split_ops = ops.as_ptr().cast();
            raw.n_split_ops = ops.len() as u8;
            if family.flags {
                raw.resv_start_op = u8::MAX;
            }
            raw.mcgrps = family.groups.as_ptr().cast();
            raw.n_mcgrps = family.groups.len() as u8;
            raw.module = module.as_ptr().cast();
            to_result(bindings::genl_register_family(raw))?;
        }
        family.registered.store(true, Ordering::Release);
        Ok(Registration { family, _ops: ops })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.family.registered.store(false, Ordering::Release);
        // SAFETY: It is registered.
        unsafe { bindings::genl_unregister_family(self.family.raw.get()) };
    }
}

fn split(op: &'static Op) -> bindings::genl_split_ops {
    let mut raw: bindings::genl_split_ops = pin_init::zeroed();
    raw.cmd = op.cmd;
    raw.policy = Policy::table(op.policy);
    raw.maxattr = op.policy.len().saturating_sub(1) as c_uint;
    if op.admin {
        raw.flags = bindings::GENL_UNS_ADMIN_PERM as u8;
    }
    match op.run {
        Run::Do(_) => {
            raw.flags |= bindings::GENL_CMD_CAP_DO as u8;
            raw.__bindgen_anon_1.__bindgen_anon_1.doit = Some(doit);
        }
        Run::Dump(_) => {
            raw.flags |= bindings::GENL_CMD_CAP_DUMP as u8;
            raw.__bindgen_anon_1.__bindgen_anon_2.start = Some(dump::start);
            raw.__bindgen_anon_1.__bindgen_anon_2.dumpit = Some(dump::dumpit);
            raw.__bindgen_anon_1.__bindgen_anon_2.done = Some(dump::done);
        }
    }
    raw
}

/// The operation that a message asks for, and the highest type of its attributes.
///
/// # Safety
///
/// `info` must be that of a request to a [`Family`].
pub(crate) unsafe fn operation(
    info: *const bindings::genl_info,
    dump: bool,
) -> Option<&'static Op> {
    // SAFETY: By the function's contract and the family's invariant.
    let (family, cmd) = unsafe {
        let family = (*info).family.cast::<Family>();
        (&*family, (*(*info).genlhdr).cmd)
    };
    family
        .ops
        .iter()
        .find(|op| op.cmd == cmd && matches!(op.run, Run::Do(_)) != dump)
}

/// `genl_split_ops::doit`.
///
/// # Safety
///
/// The core calls it with a request whose attributes it has parsed by the operation's policy.
unsafe extern "C" fn doit(skb: *mut bindings::sk_buff, info: *mut bindings::genl_info) -> c_int {
    from_result(|| {
        // SAFETY: By the function's contract.
        let (op, request) = unsafe {
            let op = operation(info, false).ok_or(EOPNOTSUPP)?;
            let max = op.policy.len().saturating_sub(1) as u16;
            let request = Request {
                info,
                skb,
                attrs: Attrs::from_raw((*info).attrs, max),
                ack: Extack::from_raw((*info).extack),
            };
            (op, request)
        };
        match op.run {
            Run::Do(run) => run(&request).map(|()| 0),
            Run::Dump(_) => Err(EOPNOTSUPP),
        }
    })
}
