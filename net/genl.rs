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
use crate::attr::Policy;
use crate::bindings;
use crate::netns::Net;

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

/// A dump that is going on.
pub struct Dump<'a> {
    family: *const bindings::genl_family,
    skb: *mut bindings::sk_buff,
    cb: &'a mut bindings::netlink_callback,
    full: bool,
}

impl Dump<'_> {
    /// The namespace that is asked about.
    pub fn net(&self) -> &Net {
        // SAFETY: The callback is valid, and its socket keeps the namespace.
        unsafe { Net::from_raw(bindings::vpcnet_genl_dump_net(self.cb)) }
    }

    /// Where to go on: 0 at first, then what was last given to [`Dump::put`].
    pub fn place(&self) -> u32 {
        // SAFETY: The scratch memory is larger, aligned, and zero at first.
        unsafe { (&raw const self.cb.__bindgen_anon_1).cast::<u32>().read() }
    }

    /// Puts one message; `place` is where to go on after it. False: there is no room left.
    ///
    /// # Errors
    ///
    /// What `fill` says but `EMSGSIZE`, and that if the message is too large for any room.
    pub fn put(
        &mut self,
        cmd: u8,
        place: u32,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result<bool> {
        let mut message = MaybeUninit::<bindings::vpcnet_genl_message>::zeroed();
        // SAFETY: All are the core's, valid for this call.
        let message = unsafe {
            if !bindings::vpcnet_genl_dump_new(
                self.family,
                self.skb,
                self.cb,
                cmd,
                message.as_mut_ptr(),
            ) {
                self.full = true;
                return Ok(false);
            }
            message.assume_init()
        };
        // SAFETY: The message is being built, by nobody else.
        match fill(&mut unsafe { Message::from_raw(self.skb) }) {
            Ok(()) => {
                // SAFETY: The message is complete; the scratch memory is as in `place()`.
                unsafe {
                    bindings::vpcnet_genl_dump_end(&message);
                    (&raw mut self.cb.__bindgen_anon_1)
                        .cast::<u32>()
                        .write(place);
                }
                Ok(true)
            }
            Err(error) => {
                // SAFETY: The message is taken back.
                unsafe { bindings::vpcnet_genl_dump_cancel(&message) };
                // SAFETY: The room is the core's, valid.
                let empty = unsafe { (*self.skb).len == 0 };
                if error == EMSGSIZE && !empty {
                    self.full = true;
                    return Ok(false);
                }
                Err(error)
            }
        }
    }
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
        }
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
        if !self.registered.load(Ordering::Acquire) {
            return Ok(());
        }
        // SAFETY: The family is registered or was, valid in any case.
        let message = build(fill, |out| unsafe {
            bindings::vpcnet_genl_event_new(self.raw.get(), cmd, size, out)
        })?;
        // SAFETY: As above; the message is given away.
        unsafe {
            bindings::vpcnet_genl_event_send(
                self.raw.get(),
                net.as_ptr(),
                &message,
                group as c_uint,
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
            raw.__bindgen_anon_1.__bindgen_anon_2.start = Some(start);
            raw.__bindgen_anon_1.__bindgen_anon_2.dumpit = Some(dumpit);
        }
    }
    raw
}

/// The operation that a message asks for, and the highest type of its attributes.
///
/// # Safety
///
/// `info` must be that of a request to a [`Family`].
unsafe fn operation(info: *const bindings::genl_info, dump: bool) -> Option<&'static Op> {
    // SAFETY: By the function's contract and the family's invariant.
    let (family, cmd) = unsafe {
        let family = (*info).family.cast::<Family>();
        (&*family, (*(*info).genlhdr).cmd)
    };
    family
        .ops
        .iter()
        .find(|op| op.cmd == cmd && matches!(op.run, Run::Dump(_)) == dump)
}

/// `genl_split_ops::doit`.
///
/// # Safety
///
/// The core calls it with a request whose attributes it has parsed by the operation's policy.
unsafe extern "C" fn doit(_skb: *mut bindings::sk_buff, info: *mut bindings::genl_info) -> c_int {
    from_result(|| {
        // SAFETY: By the function's contract.
        let (op, request) = unsafe {
            let op = operation(info, false).ok_or(EOPNOTSUPP)?;
            let max = op.policy.len().saturating_sub(1) as u16;
            let request = Request {
                info,
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

/// `genl_split_ops::start`: room for a message that does not fit into the usual.
///
/// # Safety
///
/// The core calls it with a callback that is valid.
unsafe extern "C" fn start(cb: *mut bindings::netlink_callback) -> c_int {
    const ROOM: u16 = 1 << 15;
    // SAFETY: By the function's contract.
    unsafe { (*cb).min_dump_alloc = ROOM.into() };
    0
}

/// `genl_split_ops::dumpit`.
///
/// # Safety
///
/// The core calls it with room for messages and a callback, whose data is that of a dump.
unsafe extern "C" fn dumpit(
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
) -> c_int {
    from_result(|| {
        // SAFETY: By the function's contract.
        let (op, mut dump) = unsafe {
            let info = &raw const (*(*cb).data.cast::<bindings::genl_dumpit_info>()).info;
            let op = operation(info, true).ok_or(EOPNOTSUPP)?;
            let dump = Dump {
                family: (*info).family,
                skb,
                cb: &mut *cb,
                full: false,
            };
            (op, dump)
        };
        let Run::Dump(run) = op.run else {
            return Err(EOPNOTSUPP);
        };
        run(&mut dump)?;
        // SAFETY: The room is valid. A length other than 0 asks for another call.
        Ok(unsafe { (*skb).len } as c_int)
    })
}
