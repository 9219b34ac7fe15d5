// SPDX-License-Identifier: GPL-2.0

//! Frames in the hooks of a bridge, and what becomes of them.
//!
//! A driver sees each frame that a bridge port receives before the bridge does, may take it over, and
//! may keep the bridge from sending others to its ports.
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
    /// A port has received a frame.
    fn received(&self, net: &Net, frame: Received<'_>, dp: &Datapath) -> Verdict;

    /// Whether the bridge may have to do with the port with an index otherwise: send by it, from
    /// whatever port a frame came, or hand up to the host what it has received for a link-local
    /// address, which bridges do not forward (IEEE 802.1Q, 8.6.3).
    fn may_pass(&self, port: u32, dp: &Datapath) -> bool;
}

/// A frame that a port of a bridge has received, and that is the bridge's until it is taken.
///
/// # Invariants
///
/// The pointer is a valid packet in a PRE_ROUTING hook of a bridge, which only this hook handles now,
/// `data` behind its Ethernet header; `look` is what `vpcnet_frame_look()` says of it.
pub struct Received<'a> {
    skb: NonNull<bindings::sk_buff>,
    look: bindings::vpcnet_frame,
    _hook: PhantomData<&'a mut bindings::sk_buff>,
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
        self.look.vlan_proto != 0
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
        self.look = look(self.skb);
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

    /// Leaves it to the bridge.
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

/// Behind the rules that a host has for its bridges (`NF_BR_PRI_FILTER_BRIDGED`, -200), and before
/// `br_netfilter` (0), which takes the frames elsewhere.
const PRIORITY: c_int = -1;

impl<D: BridgeDriver> Hooks<D> {
    /// Registers them.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `ENOENT` if the namespace has no state of `D`.
    pub fn new(net: &Net, _rtnl: &mut Rtnl) -> Result<Self> {
        let state = ptr::from_ref(pernet::get::<D>(net).ok_or(ENOENT)?);
        let private = state.cast_mut().cast::<c_void>();
        let hook = |hook, number| HookOps::bridge(hook, number, PRIORITY, private);
        let ops = [
            hook(
                Some(received::<D>),
                bindings::nf_inet_hooks_NF_INET_PRE_ROUTING,
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
            hook(
                Some(going_up::<D>),
                bindings::nf_inet_hooks_NF_INET_LOCAL_IN,
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

/// Keeps what a device receives for link-local groups (IEEE 802.1Q, 8.6.3) from its bridge and from
/// the host. A bridge does not ask its hooks about all of these.
///
/// # Invariants
///
/// The hook is registered for the device, in the namespace that it is in, while `ops` is there.
pub struct Gate {
    ops: Option<RcuBox<GateOps>>,
    net: NonNull<bindings::net>,
    // Registered there.
    _dev: Hold,
}

struct GateOps(bindings::nf_hook_ops);

// SAFETY: They do not change, and the pointers in them are used under RTNL.
unsafe impl Send for GateOps {}
// SAFETY: As above.
unsafe impl Sync for GateOps {}
// SAFETY: It is only made and dropped, under RTNL.
unsafe impl Send for Gate {}
// SAFETY: As above.
unsafe impl Sync for Gate {}

impl Gate {
    /// Makes one, to be dropped before the device leaves its namespace; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `E2BIG`; `EOPNOTSUPP` if the kernel has no ingress hooks.
    pub fn new(dev: &NetDev, rtnl: &mut Rtnl) -> Result<Self> {
        let mut ops: bindings::nf_hook_ops = pin_init::zeroed();
        ops.hook = Some(bindings::vpcnet_gate);
        ops.dev = dev.as_ptr();
        ops.pf = bindings::NFPROTO_NETDEV as u8;
        ops.hooknum = bindings::nf_dev_hooks_NF_NETDEV_INGRESS;
        ops.priority = PRIORITY;
        let ops = RcuBox::new(GateOps(ops))?;
        let net = dev.net(rtnl).as_ptr();
        // SAFETY: RTNL is held, device and namespace are valid; the operations stay until they are
        // unregistered and nobody reads them any more.
        to_result(unsafe { bindings::nf_register_net_hook(net, &ops.0) })?;
        // INVARIANT: It is registered there.
        Ok(Gate {
            ops: Some(ops),
            // SAFETY: A namespace is not null.
            net: unsafe { NonNull::new_unchecked(net) },
            _dev: dev.hold(),
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(ops) = self.ops.take() {
            // SAFETY: By the type invariant.
            unsafe { bindings::nf_unregister_net_hook(self.net.as_ptr(), &ops.0) };
            ops.retire();
        }
    }
}

/// The hook for frames that ports receive.
///
/// # Safety
///
/// Netfilter passes the registered `private` and a frame of the chain, RCU held; BH is off but where a
/// frame comes back from a queue to user space.
unsafe extern "C" fn received<D: BridgeDriver>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract, and BH is off from here on; the state outlives the hook by an
    // RCU grace period.
    unsafe {
        let entered = bindings::vpcnet_bh_enter();
        let dp = Datapath::assume();
        let skb = NonNull::new_unchecked(skb);
        // INVARIANT: The bridge has it so.
        let frame = Received {
            skb,
            look: look(skb),
            _hook: PhantomData,
        };
        let net = Net::from_raw((*state).net);
        let verdict = (*private.cast::<D>()).received(net, frame, &dp);
        if entered {
            bindings::vpcnet_bh_leave();
        }
        verdict.into_raw()
    }
}

/// The hook for frames that the bridge sends.
///
/// # Safety
///
/// As for [`received`].
unsafe extern "C" fn sending<D: BridgeDriver>(
    private: *mut c_void,
    _skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract. The bridge sends with BH off or on; nobody writes to what is
    // this CPU's here.
    unsafe {
        let dp = Datapath::assume();
        let port = bindings::vpcnet_state_out(state);
        verdict((*private.cast::<D>()).may_pass(port, &dp))
    }
}

/// The hook for frames that go up to the host.
///
/// # Safety
///
/// As for [`received`].
unsafe extern "C" fn going_up<D: BridgeDriver>(
    private: *mut c_void,
    _skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the function's contract.
    unsafe {
        let dp = Datapath::assume();
        let port = bindings::vpcnet_state_in(state);
        verdict((*private.cast::<D>()).may_pass(port, &dp))
    }
}

fn verdict(accept: bool) -> c_uint {
    match accept {
        true => bindings::NF_ACCEPT,
        false => bindings::NF_DROP,
    }
}
