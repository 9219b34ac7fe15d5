// SPDX-License-Identifier: GPL-2.0

//! Families of generic netlink.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use core::any::TypeId;
use core::cell::UnsafeCell;
use core::mem::size_of;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering;

use kernel::error::from_result;
use kernel::error::to_result;
use kernel::ffi::c_char;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::ffi::c_void;
use kernel::prelude::*;

use crate::attr::Attrs;
use crate::attr::Extack;
use crate::attr::Message;
use crate::attr::Nested;
use crate::attr::Policy;
use crate::bindings;
use crate::context::Datapath;
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

/// A dump that is going on.
pub struct Dump<'a> {
    family: *const bindings::genl_family,
    skb: *mut bindings::sk_buff,
    cb: &'a mut bindings::netlink_callback,
    full: bool,
}

/// What a dump keeps from call to call: the place, and an owned box or nothing.
///
/// # Invariants
///
/// If `kept` is not null, it is from a `KBox` of the type with the id `kind`, which `end` drops.
#[repr(C)]
struct Scratch {
    place: u32,
    kept: *mut c_void,
    kind: MaybeUninit<TypeId>,
    end: MaybeUninit<unsafe fn(*mut c_void)>,
}

/// Drops what a dump has kept.
///
/// # Safety
///
/// The pointer must be from a `KBox<T>`, and given away.
unsafe fn end<T>(kept: *mut c_void) {
    // SAFETY: By the function's contract.
    drop(unsafe { KBox::<T>::from_raw(kept.cast()) });
}

impl Dump<'_> {
    /// The namespace that is asked about.
    pub fn net(&self) -> &Net {
        // SAFETY: The callback is valid, and its socket keeps the namespace.
        unsafe { Net::from_raw(bindings::vpcnet_genl_dump_net(self.cb)) }
    }

    /// Where to go on: 0 at first, then what was last given to [`Dump::put`].
    pub fn place(&self) -> u32 {
        // SAFETY: The scratch memory is valid.
        unsafe { (*self.scratch()).place }
    }

    /// The same as a number of objects to skip.
    pub fn skip(&self) -> usize {
        self.place() as usize
    }

    fn scratch(&self) -> *mut Scratch {
        scratch(&raw const *self.cb)
    }

    /// Keeps something until the next call, or the end of the dump, in place of what was kept.
    pub fn keep<T: Send + 'static>(&mut self, value: KBox<T>) {
        // SAFETY: The scratch memory is this dump's.
        // INVARIANT: All are of `T`.
        unsafe {
            drop_kept(self.scratch());
            (*self.scratch()).kind.write(TypeId::of::<T>());
            (*self.scratch()).end.write(end::<T>);
            (*self.scratch()).kept = KBox::into_raw(value).cast();
        }
    }

    /// What was kept, if it is of that type; it is no longer then.
    pub fn kept<T: Send + 'static>(&mut self) -> Option<KBox<T>> {
        // SAFETY: The scratch memory is this dump's. By its invariant the type is known where there
        // is something, and the box is taken once.
        unsafe {
            let scratch = self.scratch();
            if (*scratch).kept.is_null() || (*scratch).kind.assume_init() != TypeId::of::<T>() {
                return None;
            }
            let kept = core::mem::replace(&mut (*scratch).kept, core::ptr::null_mut());
            Some(KBox::from_raw(kept.cast()))
        }
    }

    /// Says of which state this is a part: all calls of a dump that is consistent say the same.
    pub fn as_of(&mut self, seq: u32) {
        // SAFETY: The callback is valid.
        unsafe { bindings::vpcnet_genl_dump_seq(self.cb, seq) };
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
                    (*self.scratch()).place = place;
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
            raw.__bindgen_anon_1.__bindgen_anon_2.start = Some(start);
            raw.__bindgen_anon_1.__bindgen_anon_2.dumpit = Some(dumpit);
            raw.__bindgen_anon_1.__bindgen_anon_2.done = Some(done);
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
        match op.run {
            Run::Dump(run) => run(&mut dump)?,
            Run::Do(_) => return Err(EOPNOTSUPP),
        }
        // SAFETY: The room is valid. A length other than 0 asks for another call.
        Ok(unsafe { (*skb).len } as c_int)
    })
}

/// `genl_split_ops::done`: the dump has come to its end, or its socket.
///
/// # Safety
///
/// The core calls it once with the callback of a dump that has begun.
unsafe extern "C" fn done(cb: *mut bindings::netlink_callback) -> c_int {
    // SAFETY: By the function's contract.
    unsafe { drop_kept(scratch(cb)) };
    0
}

/// Where a dump has its scratch memory, zero at first.
fn scratch(cb: *const bindings::netlink_callback) -> *mut Scratch {
    const_assert!(size_of::<Scratch>() <= 48);
    // That of the `long`s which C has there.
    const_assert!(core::mem::align_of::<Scratch>() <= core::mem::align_of::<usize>());
    // SAFETY: Only an address within the callback.
    unsafe { (&raw const (*cb).__bindgen_anon_1).cast_mut().cast() }
}

/// Drops what a dump has kept, if anything.
///
/// # Safety
///
/// The scratch memory must be that of a dump that nobody else looks into.
unsafe fn drop_kept(scratch: *mut Scratch) {
    // SAFETY: By the function's contract and the invariant of the scratch memory.
    unsafe {
        let kept = core::mem::replace(&mut (*scratch).kept, core::ptr::null_mut());
        if !kept.is_null() {
            ((*scratch).end.assume_init())(kept);
        }
    }
}
