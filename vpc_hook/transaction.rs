// SPDX-License-Identifier: GPL-2.0

//! Transactions: a configuration that packets do not see yet, and that takes the place of the running
//! one as a whole. It belongs to the socket that has begun it, and goes with that.

use core::sync::atomic::Ordering;

use kernel::prelude::*;
use kernel::sync::Arc;

use vpcnet::context::Rtnl;
use vpcnet::genl::Request;
use vpcnet::netns::Net;
use vpcnet::pernet;
use vpcnet::sockets;
use vpcnet::sockets::Socket;
use vpcnet::vpc_hook::begin as attr;
use vpcnet::vpc_hook::cmd;

use crate::config::Config;
use crate::state::of;
use crate::state::Change;
use crate::state::Control;
use crate::state::InForce;
use crate::state::State;

/// Transactions that a namespace may have at once.
const MAX_TRANSACTIONS: usize = 16;

/// What a socket is about to put in the place of the running configuration.
pub(crate) struct Transaction {
    pub(crate) socket: Socket,
    pub(crate) config: Arc<Config>,
    /// Generation of the running one that it may take the place of.
    on: Option<u32>,
}

/// `begin`.
pub(crate) fn begin(request: &Request<'_>) -> Result {
    let wanted = request.attrs.get(attr::GENERATION).and_then(|it| it.u32());
    let copies = request.attrs.has(attr::COPY);
    Rtnl::with(|rtnl| {
        let state = of(request.net())?;
        state.control.with(rtnl, |control, rtnl| {
            let own = |it: &Transaction| request.is_from(&it.socket);
            if control.transactions.iter().any(own) {
                let why = c"the socket has begun a transaction already";
                return Err(request.ack.refuse(EBUSY, why));
            }
            if control.transactions.len() >= MAX_TRANSACTIONS {
                let why = c"others have begun as many transactions as there may be";
                return Err(request.ack.refuse(EBUSY, why));
            }
            if wanted.is_some_and(|wanted| wanted != control.generation) {
                return Err(request.ack.refuse(EAGAIN, CHANGED));
            }
            let config = match state.running.get(rtnl).filter(|_| copies) {
                Some(running) => running
                    .lists
                    .with(rtnl, |lists, rtnl| running.copy(lists, rtnl))?,
                None => Config::new()?,
            };
            let on = wanted.or(copies.then_some(control.generation));
            let transaction = Transaction {
                socket: request.socket(),
                config,
                on,
            };
            control.transactions.push(transaction, GFP_KERNEL)?;
            state
                .transactions
                .store(control.transactions.len(), Ordering::Relaxed);
            Ok(())
        })
    })
    .map_err(|error| request.ack.explain(error, c"no transaction can be begun"))
}

const CHANGED: &CStr = c"the running configuration has changed meanwhile";

/// Takes the transaction of a socket.
fn take(
    state: &State,
    control: &mut Control,
    own: impl Fn(&Socket) -> bool,
) -> Option<Transaction> {
    let at = control.transactions.iter().position(|it| own(&it.socket))?;
    let taken = control.transactions.remove(at).ok();
    state
        .transactions
        .store(control.transactions.len(), Ordering::Relaxed);
    taken
}

const NO_TRANSACTION: &CStr = c"the socket has not begun a transaction";

/// `abort`.
pub(crate) fn abort(request: &Request<'_>) -> Result {
    Rtnl::with(|rtnl| {
        let state = of(request.net())?;
        let taken = state.control.with(rtnl, |control, _| {
            take(state, control, |it| request.is_from(it))
        });
        match taken {
            Some(transaction) => {
                transaction.config.release(rtnl);
                Ok(())
            }
            None => Err(request.ack.refuse(ENOENT, NO_TRANSACTION)),
        }
    })
}

/// `commit`: ends the transaction, also if it is refused; only without memory for the answer it goes
/// on.
pub(crate) fn commit(request: &Request<'_>) -> Result {
    // The answer is made first: there must be memory for it when all is done.
    request.reply(cmd::COMMIT, 16, |message| {
        let generation = end(request).map_err(|error| {
            request
                .ack
                .explain(error, c"the configuration cannot be put in place")
        })?;
        message.put_u32(attr::GENERATION, generation)
    })
}

/// Puts in place what the transaction of a socket has come to; returns the generation.
fn end(request: &Request<'_>) -> Result<u32> {
    Rtnl::with(|rtnl| {
        let state = of(request.net())?;
        state.control.with(rtnl, |control, rtnl| {
            let Some(Transaction { config, on, .. }) =
                take(state, control, |it| request.is_from(it))
            else {
                return Err(request.ack.refuse(ENOENT, NO_TRANSACTION));
            };
            let result = put_in_place(state, control, request, &config, on, rtnl);
            if result.is_err() {
                config.release(rtnl);
            }
            result.map(|()| control.generation)
        })
    })
}

fn put_in_place(
    state: &State,
    control: &mut Control,
    request: &Request<'_>,
    config: &Arc<Config>,
    on: Option<u32>,
    rtnl: &mut Rtnl,
) -> Result {
    if on.is_some_and(|on| on != control.generation) {
        return Err(request.ack.refuse(EAGAIN, CHANGED));
    }
    let entries = config.entries.len();
    // Where there are more already, because the limit has come down, there may be as many.
    let running = state.running.get(rtnl);
    let there = running.map_or(0, |running| running.entries.len());
    if entries > control.max_entries && entries > there {
        let why = c"this namespace may not have as many entries";
        return Err(request.ack.refuse(ENOSPC, why));
    }
    config.lists.with(rtnl, |lists, rtnl| {
        let mut change = Change {
            config,
            running: None,
            lists,
            rtnl,
            staged: true,
            max_entries: control.max_entries,
        };
        change.publish()
    })?;
    // What may fail comes before what packets see.
    if config.is_in_use(rtnl) && control.hooks.is_none() {
        control.hooks = Some(InForce::new(request.net(), rtnl)?);
    }
    let old = state.running.replace(Some(config.clone()), rtnl);
    if let Some(old) = old {
        old.release(rtnl);
    }
    config.lists.with(rtnl, |lists, _| {
        for item in lists.acls.iter_mut() {
            item.owned = true;
        }
    });
    state.settle(control, rtnl);
    state.changed(control, request.net());
    Ok(())
}

/// What happens to sockets: a transaction ends with its socket.
pub(crate) struct Sockets;

impl sockets::Closed for Sockets {
    fn closed(net: &Net, number: u32) {
        let Some(state) = pernet::get::<State>(net) else {
            return;
        };
        // All sockets of generic netlink come by here. What this one has begun, it has begun before it
        // was closed: the count includes it.
        if state.transactions.load(Ordering::Relaxed) == 0 {
            return;
        }
        Rtnl::with(|rtnl| {
            let taken = state
                .control
                .with(rtnl, |control, _| take(state, control, |it| it.was(number)));
            if let Some(transaction) = taken {
                transaction.config.release(rtnl);
            }
        });
    }
}
