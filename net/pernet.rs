// SPDX-License-Identifier: GPL-2.0

//! What a module has in each network namespace.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::NonNull;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering;

use kernel::error::from_result;
use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::prelude::*;

use crate::bindings;
use crate::context::Rtnl;
use crate::netdev::NetDev;
use crate::netns::Net;
use crate::netns::NetId;

/// The state of a module in a namespace.
///
/// It does not move, is there before anything can happen in the namespace, and is dropped when
/// nothing can any more: after the namespace's devices are gone, which the "subsystem" list of the
/// core sees to.
pub trait PerNet: Send + Sync + Sized + 'static {
    /// Where the kernel keeps its id.
    fn net_id() -> &'static NetId;

    /// Makes the state of a namespace; process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new() -> Result<Self>;

    /// The namespace ends, and has no devices any more, or the module does: hooks go, devices are let
    /// go. RCU is waited for after this and before the state is dropped. Not called where no hook has
    /// ever led packets here: then the state is just dropped.
    fn exit(&self, net: &Net, rtnl: &mut Rtnl);
}

/// What is kept for a namespace.
#[repr(C)]
struct Slot<P> {
    state: P,
    /// A hook leads packets here, or did.
    hooked: AtomicBool,
}

/// The registration of such a state in all namespaces; dropping it ends it in all.
pub struct Registration<P: PerNet> {
    ops: NonNull<bindings::pernet_operations>,
    _state: PhantomData<P>,
}

// SAFETY: It is only made and dropped.
unsafe impl<P: PerNet> Send for Registration<P> {}
// SAFETY: As above.
unsafe impl<P: PerNet> Sync for Registration<P> {}

impl<P: PerNet> Registration<P> {
    /// Registers, once; process context without RTNL.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what [`PerNet::new`] says.
    pub fn new() -> Result<Self> {
        // `ARCH_KMALLOC_MINALIGN`: the memory is plain `kzalloc()`.
        const_assert!(core::mem::align_of::<Slot<P>>() <= 8);
        let mut ops: bindings::pernet_operations = pin_init::zeroed();
        ops.init = Some(init::<P>);
        ops.exit = Some(exit::<P>);
        // SAFETY: `id` and `size` are const in C only to be set by an initialiser.
        unsafe {
            (&raw const ops.id).cast_mut().write(P::net_id().as_ptr());
            (&raw const ops.size).cast_mut().write(size_of::<Slot<P>>());
        }
        let ops = NonNull::from(KBox::leak(KBox::new(ops, GFP_KERNEL)?));
        // SAFETY: The operations stay where they are until they are unregistered, or freed here, when
        // they are not registered.
        unsafe {
            if let Err(error) = to_result(bindings::register_pernet_subsys(ops.as_ptr())) {
                drop(KBox::from_raw(ops.as_ptr()));
                return Err(error);
            }
        }
        Ok(Registration {
            ops,
            _state: PhantomData,
        })
    }
}

impl<P: PerNet> Drop for Registration<P> {
    fn drop(&mut self) {
        // SAFETY: They are registered; afterwards nobody refers to them. What RCU is to free by code
        // of this module is waited for.
        unsafe {
            bindings::unregister_pernet_subsys(self.ops.as_ptr());
            bindings::vpcnet_rcu_barrier();
            drop(KBox::from_raw(self.ops.as_ptr()));
        }
    }
}

/// The state of a namespace whose devices have not all gone; `None` if it never had any.
pub fn get<P: PerNet>(net: &Net) -> Option<&P> {
    slot(net).map(|slot| &slot.state)
}

fn slot<P: PerNet>(net: &Net) -> Option<&Slot<P>> {
    // SAFETY: The callers exist between registration and unregistration of `P`; the memory is then of
    // such a slot, or the pointer is null. Whoever has a reference to a namespace keeps it: a request
    // by its socket, a packet by its device, an event of a device by RTNL.
    unsafe {
        let data = P::net_id().data(net.as_ptr())?;
        Some(data.cast::<Slot<P>>().as_ref())
    }
}

/// The same for a hook: RCU is waited for, after [`PerNet::exit`] and before the state is dropped.
pub(crate) fn of_hook<P: PerNet>(net: &Net) -> Option<&P> {
    let slot = slot(net)?;
    slot.hooked.store(true, Ordering::Relaxed);
    Some(&slot.state)
}

/// Lends the state of the namespace that a device is in.
pub fn of_device<P: PerNet, R>(
    dev: &NetDev,
    rtnl: &mut Rtnl,
    f: impl FnOnce(&P, &Net, &mut Rtnl) -> R,
) -> Option<R> {
    // SAFETY: The device is valid. It does not leave its namespace, nor does that end before the device
    // is unregistered, while RTNL is held, which it is until after `f`.
    let net = unsafe { Net::from_raw(bindings::vpcnet_dev_net(dev.as_ptr())) };
    get(net).map(|state| f(state, net, rtnl))
}

/// `pernet_operations::init`.
///
/// # Safety
///
/// The core passes a namespace that has memory of the registered size, not in use yet.
unsafe extern "C" fn init<P: PerNet>(net: *mut bindings::net) -> c_int {
    from_result(|| {
        let state = P::new()?;
        // SAFETY: By the function's contract.
        unsafe {
            let data = P::net_id().data(net).ok_or(ENOMEM)?;
            data.cast::<Slot<P>>().write(Slot {
                state,
                hooked: AtomicBool::new(false),
            });
        }
        Ok(0)
    })
}

/// `pernet_operations::exit`. Not `exit_rtnl`, which comes before that of the bridge: without a
/// driver's hooks, a bridge would forward until it is gone.
///
/// # Safety
///
/// The core passes a namespace that went through `init()`, and frees the memory after this.
unsafe extern "C" fn exit<P: PerNet>(net: *mut bindings::net) {
    // SAFETY: By the function's contract; process context without RTNL. Packets that a hook led here
    // before `exit()` took it out are gone after the wait.
    unsafe {
        let Some(data) = P::net_id().data(net) else {
            return;
        };
        let data = data.cast::<Slot<P>>();
        let Slot { state, hooked } = data.as_ref();
        if hooked.load(Ordering::Relaxed) {
            Rtnl::with(|rtnl| state.exit(Net::from_raw(net), rtnl));
            bindings::synchronize_net();
        }
        data.drop_in_place();
    }
}
