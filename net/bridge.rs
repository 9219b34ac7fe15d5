// SPDX-License-Identifier: GPL-2.0

//! Frames that ports of bridges receive, and what becomes of them.
//!
//! A driver gets each frame of a device before the device's bridge does, and may keep the bridge from
//! sending others there.
//!
//! C header: [`include/uapi/linux/netfilter_bridge.h`](srctree/include/uapi/linux/netfilter_bridge.h)

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;
use core::ptr::NonNull;
use core::slice;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::ffi::c_uint;
use kernel::ffi::c_void;
use kernel::prelude::*;

use vpc_core::eth;
use vpc_core::ip::Addr;
use vpc_core::lane;

use crate::bindings;
use crate::context::Datapath;
use crate::context::Rtnl;
use crate::netdev::Hold;
use crate::netdev::NetDev;
use crate::netfilter::HookOps;
use crate::netfilter::Verdict;
use crate::netns::Net;
use crate::percpu::PerCpu;
use crate::percpu::ThisCpu;
use crate::pernet;
use crate::pernet::PerNet;
use crate::rcu::RcuBox;
use crate::skb::Reason;
use crate::skb::Skb;
use crate::tunnel::addr_of;
use crate::tunnel::words_of;

/// Who looks at the frames of a namespace's bridges.
pub trait BridgeDriver: PerNet {
    /// A device with an [`Intake`] has received a frame.
    fn received(&self, net: &Net, frame: Received<'_>, dp: &Datapath) -> Verdict;

    /// Whether the port with an index is its bridge's: to send by it, from whatever port a frame came,
    /// and to handle what it has received.
    fn is_bridges(&self, port: u32, dp: &Datapath) -> bool;
}

/// A frame that a port of a bridge has received, and that is the bridge's until it is taken.
///
/// # Invariants
///
/// The pointer is a valid packet in a device's ingress hook, which only this hook handles now, `data`
/// behind its Ethernet header; `look` is what `vpcnet_frame_look()` says of it.
pub struct Received<'a> {
    skb: NonNull<bindings::sk_buff>,
    // By reference: a frame that is passed on is not copied.
    look: &'a mut bindings::vpcnet_frame,
}

/// By which tunnel a frame has come.
#[derive(Clone, Copy)]
pub struct CameBy {
    /// The host that has sent it.
    pub remote: Addr,
    /// The key of its GRE header.
    pub key: u32,
}

fn look(skb: NonNull<bindings::sk_buff>) -> bindings::vpcnet_frame {
    let mut look = MaybeUninit::uninit();
    // SAFETY: The callers pass a valid packet in a bridge; the function fills all fields in.
    unsafe {
        bindings::vpcnet_frame_look(skb.as_ptr(), look.as_mut_ptr());
        look.assume_init()
    }
}

impl<'a> Received<'a> {
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.skb.as_ptr()
    }

    /// The CPU that handles it.
    #[inline]
    pub fn cpu<'b>(&self, dp: &'b Datapath) -> ThisCpu<'b> {
        // SAFETY: Asked for in the same hook.
        unsafe { ThisCpu::from_raw(self.look.offset, dp) }
    }

    /// Index of the port.
    #[inline]
    pub fn port(&self) -> u32 {
        self.look.ifindex
    }

    /// The bytes from the destination address on that are in one piece.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        // SAFETY: By the type invariant; nothing moves them while the frame is borrowed.
        unsafe { slice::from_raw_parts(self.look.start, self.look.linear as usize) }
    }

    /// Length in bytes with the Ethernet header; of a frame that is to be cut, the whole.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.look.len
    }

    /// Whether what follows its Ethernet header, or each part that it is to be cut into, is at most
    /// `mtu` bytes.
    #[inline]
    pub fn fits(&self, mtu: u32) -> bool {
        if self.look.len <= mtu.saturating_add(eth::HEADER_LEN as u32) {
            return true;
        }
        let skb = self.skb.as_ptr();
        // SAFETY: The packet is valid, its network header is set.
        unsafe { bindings::vpcnet_is_gso(skb) && bindings::vpcnet_gso_fits(skb, mtu) }
    }

    /// Whether it has a VLAN tag that was taken out of it.
    #[inline]
    pub fn is_tagged(&self) -> bool {
        self.look.tagged
    }

    /// The lane that it has.
    #[inline]
    pub fn lane(&self) -> Option<u16> {
        // SAFETY: The packet is valid.
        lane::recorded(unsafe { self.skb.as_ref() }.queue_mapping)
    }

    /// Has `len` bytes in one piece, if the frame is so long; false if it is not, or memory is short.
    #[must_use]
    pub fn pull(&mut self, len: u32, _dp: &Datapath) -> bool {
        // SAFETY: The packet is valid and only ours.
        let pulled = unsafe { bindings::vpcnet_frame_pull(self.skb.as_ptr(), len) };
        // INVARIANT: It may have moved.
        *self.look = look(self.skb);
        pulled
    }

    /// By which tunnel it has come, if by one with a key.
    #[inline]
    pub fn came_by(&self, _dp: &Datapath) -> Option<CameBy> {
        let mut by = MaybeUninit::uninit();
        // SAFETY: The packet is valid; the function fills `by` in if it says so.
        let by = unsafe {
            if !bindings::vpcnet_came_by(self.skb.as_ptr(), by.as_mut_ptr()) {
                return None;
            }
            by.assume_init()
        };
        Some(CameBy {
            remote: addr_of(by.remote, by.v6),
            key: by.key,
        })
    }

    /// Leaves it to the bridge. It must not have been changed.
    #[inline]
    pub fn accept(self) -> Verdict {
        Verdict::new(bindings::NF_ACCEPT)
    }

    /// Another one with the same bytes, taken already.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn try_clone(&self, _dp: &Datapath) -> Result<Frame> {
        // SAFETY: The packet is valid.
        let skb = NonNull::new(unsafe { bindings::vpcnet_clone(self.as_ptr()) }).ok_or(ENOMEM)?;
        // SAFETY: It is new.
        // INVARIANT: It is as this one.
        Ok(Frame(unsafe { Skb::from_raw(skb) }))
    }

    /// Takes it over.
    #[inline]
    pub fn take(self) -> (Frame, Verdict) {
        // SAFETY: By the type invariant it is nobody else's, and by the verdict not the bridge's.
        let skb = unsafe { Skb::from_raw(self.skb) };
        // INVARIANT: It is as it came.
        (Frame(skb), Verdict::new(bindings::NF_STOLEN))
    }

    /// Drops it for a reason.
    #[inline]
    pub fn drop_with(self, reason: Reason) -> Verdict {
        let (frame, verdict) = self.take();
        frame.0.drop_with(reason);
        verdict
    }
}

/// A frame that has been taken, as the bridge has frames.
///
/// # Invariants
///
/// `data` is behind the Ethernet header, which is in one piece before it, and the device is valid.
#[must_use]
pub struct Frame(Skb);

impl Frame {
    /// A new frame made of `bytes`, as if `dev` had received it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(dev: &NetDev, bytes: &[u8], lane: Option<u16>, _dp: &Datapath) -> Result<Self> {
        if bytes.len() < eth::HEADER_LEN {
            return Err(EINVAL);
        }
        let queue = lane.map_or(0, lane::record);
        // SAFETY: The device is valid and the bytes are that many.
        let skb = unsafe {
            bindings::vpcnet_new_frame(dev.as_ptr(), bytes.as_ptr(), bytes.len() as u32, queue)
        };
        let skb = NonNull::new(skb).ok_or(ENOMEM)?;
        // SAFETY: It is new.
        // INVARIANT: The C function leaves it so.
        Ok(Frame(unsafe { Skb::from_raw(skb) }))
    }

    #[inline]
    pub(crate) fn as_ptr(&mut self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Its first `len` bytes, to be written.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is shorter, `ENOMEM`.
    pub fn writable(&mut self, len: usize, _dp: &Datapath) -> Result<&mut [u8]> {
        let skb = self.0.as_ptr();
        // SAFETY: The packet is valid and ours; the function makes the bytes its own.
        unsafe {
            let have = (*skb).len as usize;
            if len > have.saturating_add(eth::HEADER_LEN) {
                return Err(EINVAL);
            }
            if !bindings::vpcnet_frame_writable(skb, len as u32) {
                return Err(ENOMEM);
            }
            let start = look(NonNull::new_unchecked(skb)).start;
            Ok(slice::from_raw_parts_mut(start.cast_mut(), len))
        }
    }

    /// It has done what it came for.
    pub fn consume(self) {
        // SAFETY: The packet is given away.
        unsafe { bindings::vpcnet_consume(self.0.into_raw()) };
    }

    /// Drops it for a reason.
    pub fn drop_with(self, reason: Reason) {
        self.0.drop_with(reason);
    }

    /// Sends it by a port; its lane goes along.
    #[inline]
    pub fn send(self, dev: &NetDev, _dp: &Datapath) {
        // SAFETY: The packet is given away, as the bridge has it; the device is valid.
        unsafe {
            bindings::vpcnet_send_frame(self.0.into_raw(), dev.as_ptr(), ptr::null_mut());
        }
    }

    /// Sends it by a tunnel device to a remote; its lane goes along.
    #[inline]
    pub fn send_to(self, dev: &NetDev, to: &Destination, cpu: ThisCpu<'_>, _dp: &Datapath) {
        let md = to.0.get(cpu).0.as_ptr();
        // SAFETY: As in `send()`; the metadata is valid, and the packet gets a reference of its own.
        unsafe {
            bindings::vpcnet_send_frame(self.0.into_raw(), dev.as_ptr(), md);
        }
    }
}

/// Where a tunnel device sends frames: a remote and a key. Each CPU has metadata of its own to hand
/// out, so that no two write to one count of references.
pub struct Destination(PerCpu<Metadata>);

/// # Invariants
///
/// The pointer is valid and a reference is held.
struct Metadata(NonNull<bindings::metadata_dst>);

// SAFETY: The reference may be dropped anywhere.
unsafe impl Send for Metadata {}
// SAFETY: It is not changed, but for its count, which is atomic.
unsafe impl Sync for Metadata {}

impl Drop for Metadata {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; `dst` is the first field of `metadata_dst`.
        unsafe { bindings::dst_release(self.0.as_ptr().cast()) };
    }
}

impl Destination {
    /// Makes one; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(remote: Addr, key: u32) -> Result<Self> {
        let words = words_of(remote);
        let v6 = matches!(remote, Addr::V6(_));
        Ok(Destination(PerCpu::new(|| {
            // SAFETY: Allocates; the address is four words.
            let md = unsafe { bindings::vpcnet_tx_metadata(words.as_ptr(), v6, key) };
            // INVARIANT: The reference is ours.
            NonNull::new(md).map(Metadata).ok_or(ENOMEM)
        })?))
    }
}

/// The hooks of a driver in the bridges of a namespace.
///
/// # Invariants
///
/// They are registered in the namespace, with the address of its state.
pub struct Hooks<D: BridgeDriver> {
    ops: KBox<[HookOps; 4]>,
    net: NonNull<bindings::net>,
    _driver: PhantomData<D>,
}

// SAFETY: They are only made and taken out, under RTNL.
unsafe impl<D: BridgeDriver> Send for Hooks<D> {}
// SAFETY: As above.
unsafe impl<D: BridgeDriver> Sync for Hooks<D> {}

/// Behind what a host has of its own at the same places: filters of bridges
/// (`NF_BR_PRI_FILTER_BRIDGED`, -200), and whatever sets the lane of packets that a device receives.
const PRIORITY: c_int = -1;

impl<D: BridgeDriver> Hooks<D> {
    /// Registers them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `ENOENT` if the namespace has no state of `D`.
    pub fn new(net: &Net, _rtnl: &mut Rtnl) -> Result<Self> {
        let private = private::<D>(net)?;
        let hook = |hook, number| HookOps::bridge(hook, number, PRIORITY, private);
        let ops = [
            hook(
                Some(strayed::<D>),
                bindings::nf_inet_hooks_NF_INET_PRE_ROUTING,
            ),
            // What a bridge hands to the host without the one above.
            hook(
                Some(going_up::<D>),
                bindings::nf_inet_hooks_NF_INET_LOCAL_IN,
            ),
            hook(
                Some(sending::<D>),
                bindings::nf_inet_hooks_NF_INET_POST_ROUTING,
            ),
            // What the bridge makes itself, queries for groups and BPDUs, passes no other one.
            hook(
                Some(sending::<D>),
                bindings::nf_inet_hooks_NF_INET_LOCAL_OUT,
            ),
        ];
        let mut hooks = Hooks {
            ops: KBox::new(ops, GFP_KERNEL)?,
            // SAFETY: A reference is not null.
            net: unsafe { NonNull::new_unchecked(net.as_ptr()) },
            _driver: PhantomData,
        };
        for ops in hooks.ops.iter_mut() {
            // SAFETY: They are boxed, and `drop()` takes those out that are in. The state is dropped
            // when RCU has been waited for after `PerNet::exit()`.
            unsafe { ops.register(net.as_ptr())? };
        }
        Ok(hooks)
    }
}

impl<D: BridgeDriver> Drop for Hooks<D> {
    fn drop(&mut self) {
        for ops in self.ops.iter_mut() {
            // SAFETY: It is that namespace where they are registered, if they are; it is not gone yet,
            // since they go in `PerNet::exit()` at the latest.
            unsafe { ops.unregister(self.net.as_ptr()) };
        }
        // Who lists the hooks of the host (`nft list hooks`) looks into the operations under RCU.
        // SAFETY: Process context.
        unsafe { bindings::synchronize_net() };
    }
}

/// What hooks of a namespace find its state by.
fn private<D: BridgeDriver>(net: &Net) -> Result<*mut c_void> {
    let state = ptr::from_ref(pernet::get::<D>(net).ok_or(ENOENT)?);
    Ok(state.cast_mut().cast())
}

/// Has a driver get what a device receives, before its bridge. What it gets while it is in no bridge
/// is dropped, for the host would get that.
///
/// It is the device's own hook, not one of the bridge. Other devices do not pay for it; and a bridge
/// hands some of what is for link-local groups (IEEE 802.1Q, 8.6.3) to the host without asking its
/// hooks, and learns who has sent it.
///
/// # Invariants
///
/// The hook is registered for the device, in the namespace that it is in, with the address of the
/// state there, while `ops` is there.
pub struct Intake<D: BridgeDriver> {
    ops: Option<RcuBox<IntakeOps>>,
    net: NonNull<bindings::net>,
    // Registered there.
    _dev: Hold,
    _driver: PhantomData<D>,
}

struct IntakeOps(bindings::nf_hook_ops);

// SAFETY: They do not change, and the pointers in them are used under RTNL.
unsafe impl Send for IntakeOps {}
// SAFETY: As above.
unsafe impl Sync for IntakeOps {}
// SAFETY: It is only made and dropped, under RTNL.
unsafe impl<D: BridgeDriver> Send for Intake<D> {}
// SAFETY: As above.
unsafe impl<D: BridgeDriver> Sync for Intake<D> {}

impl<D: BridgeDriver> Intake<D> {
    /// Makes one, to be dropped before the device leaves its namespace, and in `PerNet::exit()` at the
    /// latest; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `EOPNOTSUPP` if the kernel has no ingress hooks; `ENOENT` if the namespace
    /// has no state of `D`.
    pub fn new(dev: &NetDev, rtnl: &mut Rtnl) -> Result<Self> {
        let net = dev.net(rtnl);
        let mut ops: bindings::nf_hook_ops = pin_init::zeroed();
        ops.hook = Some(received::<D>);
        ops.priv_ = private::<D>(net)?;
        ops.dev = dev.as_ptr();
        ops.pf = bindings::NFPROTO_NETDEV as u8;
        ops.hooknum = bindings::nf_dev_hooks_NF_NETDEV_INGRESS;
        ops.priority = PRIORITY;
        let ops = RcuBox::new(IntakeOps(ops))?;
        let net = net.as_ptr();
        // SAFETY: RTNL is held, device and namespace are valid; the operations stay until they are
        // unregistered and nobody reads them any more. The state is dropped when RCU has been waited
        // for after `PerNet::exit()`.
        to_result(unsafe { bindings::nf_register_net_hook(net, &ops.0) })?;
        // INVARIANT: It is registered there.
        Ok(Intake {
            ops: Some(ops),
            // SAFETY: A namespace is not null.
            net: unsafe { NonNull::new_unchecked(net) },
            _dev: dev.hold(),
            _driver: PhantomData,
        })
    }
}

impl<D: BridgeDriver> Drop for Intake<D> {
    fn drop(&mut self) {
        if let Some(ops) = self.ops.take() {
            // SAFETY: By the type invariant.
            unsafe { bindings::nf_unregister_net_hook(self.net.as_ptr(), &ops.0) };
            ops.retire();
        }
    }
}

/// The hook for frames that a device receives.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame that the device has received, RCU held and BH
/// off: there is no queue to user space at this place.
unsafe extern "C" fn received<D: BridgeDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract; the state outlives the hook by an RCU grace period.
    unsafe {
        let (driver, net) = (&*private.cast::<D>(), Net::from_raw((*state).net));
        let mut look = MaybeUninit::uninit();
        match bindings::vpcnet_intake(skb, look.as_mut_ptr()) {
            bindings::vpcnet_intake_state_VPCNET_INTAKE_OURS => (),
            bindings::vpcnet_intake_state_VPCNET_INTAKE_SHARED => {
                return received_copy(driver, net, skb)
            }
            bindings::vpcnet_intake_state_VPCNET_INTAKE_HOSTS => return bindings::NF_ACCEPT,
            _ => return bindings::NF_DROP,
        }
        // INVARIANT: As netfilter has it, and looked at.
        let frame = Received {
            skb: NonNull::new_unchecked(skb),
            look: look.assume_init_mut(),
        };
        driver.received(net, frame, &Datapath::assume()).into_raw()
    }
}

/// The same for a frame that somebody else has, too: the driver gets a copy.
///
/// # Safety
///
/// As for [`received`].
#[cold]
unsafe fn received_copy<D: BridgeDriver>(
    driver: &D,
    net: &Net,
    skb: *mut bindings::sk_buff,
) -> c_uint {
    // SAFETY: By the function's contract. The reference that netfilter passes is given back if the
    // driver has taken the copy, and the copy if it has not.
    unsafe {
        let Some(copy) = NonNull::new(bindings::vpcnet_clone(skb)) else {
            return bindings::NF_DROP;
        };
        // INVARIANT: It is new, and else as the packet.
        let frame = Received {
            skb: copy,
            look: &mut look(copy),
        };
        let verdict = driver.received(net, frame, &Datapath::assume()).into_raw();
        let unused = match verdict {
            bindings::NF_STOLEN => skb,
            _ => copy.as_ptr(),
        };
        bindings::vpcnet_consume(unused);
        verdict
    }
}

/// The hook for frames that a bridge has received. Those that come back from an ifb device, as tc sends
/// them there to limit what a VM sends, have not passed the hook of their device.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame of the chain, RCU held; BH is off but where a
/// frame comes back from a queue to user space.
unsafe extern "C" fn strayed<D: BridgeDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract, and BH is off for what has to have it so.
    unsafe {
        if is_bridges::<D>(private, bindings::vpcnet_state_in(state)) {
            return bindings::NF_ACCEPT;
        }
        let entered = bindings::vpcnet_bh_enter();
        let verdict = received::<D>(private, skb, state);
        if entered {
            bindings::vpcnet_bh_leave();
        }
        verdict
    }
}

/// The hook for frames that a bridge hands to the host.
///
/// # Safety
///
/// As for [`sending`].
unsafe extern "C" fn going_up<D: BridgeDriver>(
    private: *mut c_void,
    _skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract.
    unsafe { verdict(is_bridges::<D>(private, bindings::vpcnet_state_in(state))) }
}

/// The hook for frames that a bridge sends.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame of the chain, RCU held.
unsafe extern "C" fn sending<D: BridgeDriver>(
    private: *mut c_void,
    _skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract.
    unsafe { verdict(is_bridges::<D>(private, bindings::vpcnet_state_out(state))) }
}

/// # Safety
///
/// `private` must be that of a hook of `D` that is running, RCU held.
#[inline]
unsafe fn is_bridges<D: BridgeDriver>(private: *mut c_void, port: u32) -> bool {
    // SAFETY: By the function's contract; the state outlives the hook by an RCU grace period. Bridges
    // have BH off or on; nobody writes to what is this CPU's here.
    unsafe { (*private.cast::<D>()).is_bridges(port, &Datapath::assume()) }
}

fn verdict(accept: bool) -> c_uint {
    match accept {
        true => bindings::NF_ACCEPT,
        false => bindings::NF_DROP,
    }
}
