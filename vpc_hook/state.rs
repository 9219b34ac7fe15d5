// SPDX-License-Identifier: GPL-2.0

//! What a namespace has: the running configuration, the hooks, and transactions. All changes are made
//! under RTNL.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

use kernel::prelude::*;
use kernel::sync::Arc;

use vpcnet::bridge::BridgeDriver;
use vpcnet::bridge::Hooks;
use vpcnet::conntrack::Zone;
use vpcnet::context::Datapath;
use vpcnet::context::Rtnl;
use vpcnet::dump::Dump;
use vpcnet::frame::Received;
use vpcnet::genl::Request;
use vpcnet::module::Pin;
use vpcnet::netdev::NetDev;
use vpcnet::netfilter::Verdict;
use vpcnet::netns::Net;
use vpcnet::netns::NetId;
use vpcnet::notifier;
use vpcnet::notifier::Event;
use vpcnet::pernet;
use vpcnet::pernet::PerNet;
use vpcnet::random;
use vpcnet::rcu::ArcCell;
use vpcnet::rcu::RtnlCell;

use crate::acl::Acl;
use crate::acl::MOST_OF_ALL;
use crate::config::Config;
use crate::config::Lists;
use crate::events::Events;
use crate::hook;
use crate::name::Name;
use crate::netlink;
use crate::tally::Other;
use crate::tally::Why;
use crate::transaction::Transaction;
use crate::MODULE;

/// Entries that a namespace may have, unless it is told otherwise.
const MAX_ENTRIES: u32 = 1 << 21;

static ID: NetId = NetId::new();

/// What a namespace has.
pub(crate) struct State {
    pub(crate) running: ArcCell<Config>,
    pub(crate) control: RtnlCell<Control>,
    /// How many transactions there are, for who does not hold RTNL.
    pub(crate) transactions: AtomicUsize,
    pub(crate) events: Events,
    /// Counts zones of ports, from anywhere on: connections may be older than the module.
    zones: AtomicU32,
}

pub(crate) struct Control {
    pub(crate) hooks: Option<InForce>,
    pub(crate) transactions: KVec<Transaction>,
    pub(crate) generation: u32,
    pub(crate) max_entries: u32,
}

/// The hooks. While they are there the module is, too: without it the bridge would forward the frames
/// of all tenants as those of one network.
pub(crate) struct InForce {
    _hooks: Hooks<State>,
    _module: Pin,
}

impl InForce {
    pub(crate) fn new(net: &Net, rtnl: &mut Rtnl) -> Result<Self> {
        Ok(InForce {
            _hooks: Hooks::new(net, rtnl)?,
            _module: Pin::new(MODULE.as_ref().ok_or(ENODEV)?)?,
        })
    }
}

impl Default for Control {
    fn default() -> Self {
        Control {
            hooks: None,
            transactions: KVec::new(),
            generation: 1,
            max_entries: MAX_ENTRIES,
        }
    }
}

/// A configuration that a request changes.
pub(crate) struct Change<'a> {
    pub(crate) config: &'a Config,
    /// What packets see, if that is another.
    pub(crate) running: Option<Arc<Config>>,
    pub(crate) lists: &'a mut Lists,
    pub(crate) rtnl: &'a mut Rtnl,
    /// Packets do not see it yet.
    pub(crate) staged: bool,
    pub(crate) max_entries: u32,
}

/// A configuration that a request looks at.
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) lists: &'a mut Lists,
    pub(crate) rtnl: &'a mut Rtnl,
    pub(crate) generation: u32,
    pub(crate) max_entries: u32,
}

impl Change<'_> {
    /// Has packets find the ports of the list. In a transaction that is for later.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn publish_ports(&mut self) -> Result {
        match self.staged {
            true => Ok(()),
            false => self.config.publish_ports(self.lists, self.rtnl),
        }
    }

    /// Has packets find the rules of an ACL as they are now. In a transaction that is for later.
    ///
    /// # Errors
    ///
    /// Those of [`Acl::prepare`]; then packets find what they did.
    pub(crate) fn compile(&mut self, acl: &Acl) -> Result {
        if self.staged {
            return Ok(());
        }
        let room = self.room_for_rules(|name| *name == acl.name);
        let ready = acl.prepare(&self.lists.groups, room, self.rtnl)?;
        acl.set(ready, self.rtnl);
        Ok(())
    }

    /// How many rules there may be beside those of all ACLs but these, members of groups included.
    pub(crate) fn room_for_rules(&mut self, but: impl Fn(&Name) -> bool) -> usize {
        let others = self.lists.acls.iter().filter(|item| !but(&item.acl.name));
        let sizes = others.map(|item| item.acl.size(self.rtnl));
        MOST_OF_ALL.saturating_sub(sizes.sum())
    }

    /// Has packets find all that was left for later.
    pub(crate) fn publish(&mut self) -> Result {
        self.staged = false;
        self.all_floods()?;
        let mut room = MOST_OF_ALL;
        for item in self.lists.acls.iter().filter(|item| !item.owned) {
            room = room.saturating_sub(item.acl.size(self.rtnl));
        }
        for item in self.lists.acls.iter_mut().filter(|item| item.owned) {
            let ready = item.acl.prepare(&self.lists.groups, room, self.rtnl)?;
            room = room.saturating_sub(ready.size());
            item.acl.set(ready, self.rtnl);
        }
        self.config.publish_tunnel(self.rtnl)?;
        self.publish_ports()
    }
}

pub(crate) fn of<'a>(net: &'a Net) -> Result<&'a State> {
    pernet::get::<State>(net).ok_or(ENOENT)
}

impl State {
    /// The running configuration, as packets see it.
    #[inline]
    pub(crate) fn config<'a>(&'a self, dp: &'a Datapath) -> Option<&'a Config> {
        self.running.read(dp)
    }

    /// The running configuration; an empty one takes its place where there is none.
    fn some_config(&self, rtnl: &mut Rtnl) -> Result<Arc<Config>> {
        if let Some(config) = self.running.get(rtnl) {
            return Ok(config);
        }
        let config = Config::new()?;
        self.running.replace(Some(config.clone()), rtnl);
        Ok(config)
    }

    /// The hooks go with the last port or tunnel device: without them, what comes by that would be the
    /// bridge's. They come before the first one, see [`change_in_force`].
    pub(crate) fn settle(&self, control: &mut Control, rtnl: &mut Rtnl) {
        let running = self.running.get(rtnl);
        if !running.is_some_and(|config| config.is_in_use(rtnl)) {
            control.hooks = None;
        }
    }

    pub(crate) fn changed(&self, control: &mut Control, net: &Net) {
        control.generation = control.generation.wrapping_add(1).max(1);
        netlink::notify_changed(net, control.generation);
    }
}

/// Changes the configuration that a request is about: that of its socket's transaction, or else the
/// running one.
///
/// # Errors
///
/// What `f` says, with a message.
pub(crate) fn change<R>(
    request: &Request<'_>,
    f: impl FnOnce(&mut Change<'_>) -> Result<R>,
) -> Result<R> {
    change_with(request, false, f)
}

/// As [`change`], for what may bring the first port or tunnel device: the hooks are there before it.
///
/// # Errors
///
/// As there.
pub(crate) fn change_in_force<R>(
    request: &Request<'_>,
    f: impl FnOnce(&mut Change<'_>) -> Result<R>,
) -> Result<R> {
    change_with(request, true, f)
}

fn change_with<R>(
    request: &Request<'_>,
    in_force: bool,
    f: impl FnOnce(&mut Change<'_>) -> Result<R>,
) -> Result<R> {
    Rtnl::with(|rtnl| {
        let state = of(request.net())?;
        state.control.with(rtnl, |control, rtnl| {
            let own = |it: &&Transaction| request.is_from(&it.socket);
            let staged = control.transactions.iter().find(own);
            let (config, staged) = match staged {
                Some(transaction) => (transaction.config.clone(), true),
                None => (state.some_config(rtnl)?, false),
            };
            if in_force && !staged && control.hooks.is_none() {
                control.hooks = Some(InForce::new(request.net(), rtnl)?);
            }
            let max_entries = control.max_entries;
            let running = state.running.get(rtnl).filter(|_| staged);
            let result = config.lists.with(rtnl, |lists, rtnl| {
                f(&mut Change {
                    config: &config,
                    running,
                    lists,
                    rtnl,
                    staged,
                    max_entries,
                })
            });
            if !staged {
                // Also after an error: something may have been done and undone.
                state.settle(control, rtnl);
                if result.is_ok() {
                    state.changed(control, request.net());
                }
            }
            result
        })
    })
    .map_err(|error| {
        request
            .ack
            .explain(error, c"the configuration cannot be changed")
    })
}

/// Looks at the running configuration.
///
/// # Errors
///
/// `ENOENT` if there is none, or what `f` says.
pub(crate) fn look<R>(
    request: &Request<'_>,
    f: impl FnOnce(&mut View<'_>) -> Result<R>,
) -> Result<R> {
    with_view(request.net(), f).unwrap_or_else(|| {
        let why = c"nothing is configured in this namespace";
        Err(request.ack.refuse(ENOENT, why))
    })
}

fn with_view<R>(net: &Net, f: impl FnOnce(&mut View<'_>) -> R) -> Option<R> {
    Rtnl::with(|rtnl| {
        let state = pernet::get::<State>(net)?;
        let config = state.running.get(rtnl)?;
        let (generation, max_entries) = state
            .control
            .with(rtnl, |control, _| (control.generation, control.max_entries));
        Some(config.lists.with(rtnl, |lists, rtnl| {
            f(&mut View {
                config: &config,
                lists,
                rtnl,
                generation,
                max_entries,
            })
        }))
    })
}

/// Dumps something of the running configuration; nothing if there is none.
///
/// # Errors
///
/// What `f` says.
pub(crate) fn dump(
    dump: &mut Dump<'_>,
    f: impl FnOnce(&mut Dump<'_>, &mut View<'_>) -> Result,
) -> Result {
    Rtnl::with(|rtnl| {
        let Some(state) = pernet::get::<State>(dump.net()) else {
            return Ok(());
        };
        let Some(config) = state.running.get(rtnl) else {
            return Ok(());
        };
        let (generation, max_entries) = state
            .control
            .with(rtnl, |control, _| (control.generation, control.max_entries));
        dump.as_of(generation);
        config.lists.with(rtnl, |lists, rtnl| {
            f(
                dump,
                &mut View {
                    config: &config,
                    lists,
                    rtnl,
                    generation,
                    max_entries,
                },
            )
        })
    })
}

/// The running configuration, and a number that goes up with each change of it.
pub(crate) fn running(net: &Net) -> Option<(Arc<Config>, u32)> {
    Rtnl::with(|rtnl| {
        let state = pernet::get::<State>(net)?;
        let config = state.running.get(rtnl)?;
        let generation = state.control.with(rtnl, |control, _| control.generation);
        Some((config, generation))
    })
}

/// A zone for a port that has had none.
///
/// # Errors
///
/// Those of [`Zone::new`].
pub(crate) fn new_zone(net: &Net, number: u16) -> Result<Zone> {
    Zone::new(net, number, of(net)?.zones.fetch_add(1, Ordering::Relaxed))
}

/// Generation of the running configuration, and how many entries there may be.
pub(crate) fn limits(net: &Net) -> (u32, u32) {
    Rtnl::with(|rtnl| {
        let Some(state) = pernet::get::<State>(net) else {
            return (0, 0);
        };
        state
            .control
            .with(rtnl, |control, _| (control.generation, control.max_entries))
    })
}

/// Whether a request may ask for that many entries.
///
/// # Errors
///
/// `EPERM` if not, with a message.
pub(crate) fn may_have_entries(request: &Request<'_>, most: u32) -> Result {
    if most > MAX_ENTRIES && !request.is_of_host_admin() {
        let why = c"more than 2097152 entries need CAP_NET_ADMIN on the host";
        return Err(request.ack.refuse(EPERM, why));
    }
    Ok(())
}

/// Sets how many entries there may be.
///
/// # Errors
///
/// `ENOENT` in a namespace that ends.
pub(crate) fn set_max_entries(request: &Request<'_>, most: u32) -> Result {
    Rtnl::with(|rtnl| {
        let state = of(request.net())?;
        state.control.with(rtnl, |control, _| {
            control.max_entries = most;
            state.changed(control, request.net());
        });
        Ok(())
    })
}

/// What happens to devices: a port goes with its device, from all configurations.
pub(crate) struct Devices;

impl notifier::Listener for Devices {
    fn event(dev: &NetDev, event: Event<'_>, rtnl: &mut Rtnl) {
        if !matches!(event, Event::Unregistering) {
            return;
        }
        pernet::of_device(dev, rtnl, |state: &State, net, rtnl| {
            if net.has_ended() {
                // There is no transaction: its socket would keep the namespace.
                if let Some(config) = state.running.get(rtnl) {
                    let_go(&config, dev.ifindex(), rtnl);
                }
                return;
            }
            state.control.with(rtnl, |control, rtnl| {
                for transaction in &control.transactions {
                    forget(&transaction.config, dev, true, rtnl);
                }
                let Some(config) = state.running.get(rtnl) else {
                    return;
                };
                if forget(&config, dev, false, rtnl) {
                    state.settle(control, rtnl);
                    state.changed(control, net);
                }
            });
        });
    }
}

/// Takes a device out of a configuration; false if it was not there.
fn forget(config: &Arc<Config>, dev: &NetDev, staged: bool, rtnl: &mut Rtnl) -> bool {
    let ifindex = dev.ifindex();
    let found = forget_tunnel(config, ifindex, rtnl);
    config.lists.with(rtnl, |lists, rtnl| {
        let mut change = Change {
            config,
            running: None,
            lists,
            rtnl,
            staged,
            max_entries: u32::MAX,
        };
        found | change.remove_port(ifindex)
    })
}

fn forget_tunnel(config: &Config, ifindex: u32, rtnl: &mut Rtnl) -> bool {
    let found = config
        .tunnel(&*rtnl)
        .is_some_and(|it| it.ifindex == ifindex);
    if found {
        config.set_tunnel(None, None, rtnl);
    }
    found
}

/// As [`forget`] where all goes, whose lists need not be right any more.
fn let_go(config: &Config, ifindex: u32, rtnl: &mut Rtnl) {
    forget_tunnel(config, ifindex, rtnl);
    config.lists.with(rtnl, |lists, rtnl| {
        if let Some(port) = lists.ports.get(&ifindex) {
            port.release(rtnl);
        }
    });
}

impl PerNet for State {
    fn net_id() -> &'static NetId {
        &ID
    }

    fn new() -> Result<Self> {
        Ok(State {
            running: ArcCell::empty(),
            control: RtnlCell::new(Control::default()),
            transactions: AtomicUsize::new(0),
            events: Events::default(),
            zones: AtomicU32::new(random::number() % u32::from(u16::MAX)),
        })
    }

    fn exit(&self, _net: &Net, rtnl: &mut Rtnl) {
        // Hooks first, so that no packet comes in. There is no bridge any more that would miss them.
        let control = self.control.replace(Control::default(), rtnl);
        drop(control.hooks);
        for transaction in control.transactions {
            transaction.config.release(rtnl);
        }
        if let Some(config) = self.running.replace(None, rtnl) {
            config.release(rtnl);
        }
    }
}

impl BridgeDriver for State {
    #[inline]
    fn received(&self, net: &Net, frame: Received<'_>, dp: &Datapath) -> Verdict {
        match self.config(dp) {
            Some(config) => hook::received(self, config, net, frame, dp),
            // The device is about to be a port.
            None => frame.drop_with(Why::Other(Other::NotHere).reason()),
        }
    }

    /// Not if the device is a port of ours, or the tunnel device.
    fn is_bridges(&self, ifindex: u32, dp: &Datapath) -> bool {
        let Some(config) = self.config(dp) else {
            return true;
        };
        let is_tunnel = |tunnel: &crate::config::Tunnel| tunnel.ifindex == ifindex;
        config.port(ifindex, dp).is_none() && !config.tunnel(dp).is_some_and(is_tunnel)
    }
}
