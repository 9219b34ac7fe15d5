// SPDX-License-Identifier: GPL-2.0

//! The netlink family `vpc_hook`; `Documentation/netlink/specs/vpc_hook.yaml` says what there is.

use kernel::prelude::*;

use vpcnet::attr::Message;
use vpcnet::attr::Policy;
use vpcnet::bridge::Intake;
use vpcnet::dump::Dump;
use vpcnet::genl;
use vpcnet::genl::Family;
use vpcnet::genl::Group;
use vpcnet::genl::Op;
use vpcnet::genl::Request;
use vpcnet::genl::Run;
use vpcnet::netdev::NetDev;
use vpcnet::netns::Net;
use vpcnet::rcu::RcuBox;
use vpcnet::vpc_hook;
use vpcnet::vpc_hook::cmd;
use vpcnet::vpc_hook::config as attr;

use crate::config::Lists;
use crate::config::Tunnel;
use crate::entry;
use crate::group;
use crate::ports;
use crate::remote;
use crate::rules;
use crate::state;
use crate::trace;
use crate::transaction;
use crate::vpc;

/// Registers the family.
///
/// # Errors
///
/// `EEXIST`, `ENOMEM`.
pub(crate) fn register(module: &'static ThisModule) -> Result<genl::Registration> {
    genl::Registration::new(&FAMILY, module)
}

pub(crate) static FAMILY: Family = Family::new(vpc_hook::FAMILY, &OPS, &GROUPS).with_flags();

/// Numbers of the multicast groups.
const MONITOR: usize = 0;
pub(crate) const MISS: usize = 1;
pub(crate) const LOG: usize = 2;

static GROUPS: [Group; 3] = [
    Group::new(b"monitor\0\0\0\0\0\0\0\0\0"),
    // These tell of tenants' packets.
    Group::new(b"miss\0\0\0\0\0\0\0\0\0\0\0\0").for_admins(),
    Group::new(b"log\0\0\0\0\0\0\0\0\0\0\0\0\0").for_admins(),
];

const ADDR: Policy = Policy::bytes(16);
const MAC: Policy = Policy::bytes(6);
const NAME: Policy = Policy::string(31);

static NOTHING: [Policy; 1] = [Policy::NONE];

static CONFIG: [Policy; 12] = [
    Policy::NONE,
    Policy::U32, // tunnel
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::U32, // max-entries
];

static BEGIN: [Policy; 3] = [
    Policy::NONE,
    Policy::FLAG, // copy
    Policy::U32,  // generation
];

static VPC_ID: [Policy; 2] = [Policy::NONE, Policy::U32];

static VPC: [Policy; 4] = [
    Policy::NONE,
    Policy::U32, // id
    NAME,        // name
    MAC,         // gateway
];

static PORT_NAME: [Policy; 3] = [Policy::NONE, Policy::U32, Policy::IFNAME];

static PORT: [Policy; 13] = [
    Policy::NONE,
    Policy::U32,    // ifindex
    Policy::IFNAME, // ifname
    Policy::U32,    // vpc
    MAC,            // mac
    Policy::NESTED, // address
    Policy::U32,    // flags
    NAME,           // acl
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::NONE,
    Policy::U32, // max-connections
];

static REMOTE_NAME: [Policy; 3] = [Policy::NONE, Policy::U32, ADDR];

static REMOTE: [Policy; 4] = [
    Policy::NONE,
    Policy::U32,  // vpc
    ADDR,         // address
    Policy::FLAG, // flood
];

static ENTRY_NAME: [Policy; 4] = [
    Policy::NONE,
    Policy::U32, // vpc
    MAC,         // mac
    ADDR,        // address
];

static ENTRY: [Policy; 7] = [
    Policy::NONE,
    Policy::U32,  // vpc
    MAC,          // mac
    ADDR,         // address
    ADDR,         // remote
    Policy::NONE, // port
    Policy::U32,  // forward
];

static ONE_NAME: [Policy; 2] = [Policy::NONE, NAME];

static RULE_NAME: [Policy; 3] = [Policy::NONE, NAME, Policy::U32];

static RULE: [Policy; 19] = [
    Policy::NONE,
    NAME,           // acl
    Policy::U32,    // priority
    Policy::U32,    // direction
    Policy::U32,    // action
    Policy::U16,    // ethertype
    Policy::U8,     // protocol
    Policy::NESTED, // src
    Policy::NESTED, // dst
    NAME,           // src-group
    NAME,           // dst-group
    Policy::U16,    // sport-min
    Policy::U16,    // sport-max
    Policy::U16,    // dport-min
    Policy::U16,    // dport-max
    Policy::U8,     // icmp-type
    Policy::U8,     // icmp-code
    Policy::FLAG,   // stateful
    Policy::FLAG,   // log
];

static GROUP: [Policy; 4] = [
    Policy::NONE,
    NAME,           // name
    Policy::NESTED, // member
    Policy::FLAG,   // append
];

static TRACE: [Policy; 5] = [
    Policy::NONE,
    Policy::U32,         // ifindex
    Policy::U32,         // vpc
    ADDR,                // remote
    Policy::bytes(9216), // frame
];

const fn get(cmd: u8, policy: &'static [Policy], run: fn(&Request<'_>) -> Result) -> Op {
    Op {
        cmd,
        admin: false,
        policy,
        run: Run::Do(run),
    }
}

const fn dump(cmd: u8, run: fn(&mut Dump<'_>) -> Result) -> Op {
    Op {
        cmd,
        admin: false,
        policy: &NOTHING,
        run: Run::Dump(run),
    }
}

const fn set(cmd: u8, policy: &'static [Policy], run: fn(&Request<'_>) -> Result) -> Op {
    Op {
        cmd,
        admin: true,
        policy,
        run: Run::Do(run),
    }
}

static OPS: [Op; 34] = [
    get(cmd::CONFIG_GET, &NOTHING, config_get),
    set(cmd::CONFIG_SET, &CONFIG, config_set),
    set(cmd::BEGIN, &BEGIN, transaction::begin),
    set(cmd::COMMIT, &NOTHING, transaction::commit),
    set(cmd::ABORT, &NOTHING, transaction::abort),
    get(cmd::VPC_GET, &VPC_ID, vpc::get),
    dump(cmd::VPC_GET, vpc::dump),
    set(cmd::VPC_NEW, &VPC, vpc::new),
    set(cmd::VPC_DEL, &VPC_ID, vpc::del),
    get(cmd::PORT_GET, &PORT_NAME, ports::get),
    dump(cmd::PORT_GET, ports::dump),
    set(cmd::PORT_NEW, &PORT, ports::new),
    set(cmd::PORT_DEL, &PORT_NAME, ports::del),
    get(cmd::REMOTE_GET, &REMOTE_NAME, remote::get),
    dump(cmd::REMOTE_GET, remote::dump),
    set(cmd::REMOTE_NEW, &REMOTE, remote::new),
    set(cmd::REMOTE_DEL, &REMOTE_NAME, remote::del),
    get(cmd::ENTRY_GET, &ENTRY_NAME, entry::get),
    dump(cmd::ENTRY_GET, entry::dump),
    set(cmd::ENTRY_NEW, &ENTRY, entry::new),
    set(cmd::ENTRY_DEL, &ENTRY_NAME, entry::del),
    get(cmd::ACL_GET, &ONE_NAME, rules::get),
    dump(cmd::ACL_GET, rules::dump),
    set(cmd::ACL_NEW, &ONE_NAME, rules::new),
    set(cmd::ACL_DEL, &ONE_NAME, rules::del),
    get(cmd::RULE_GET, &RULE_NAME, rules::rule_get),
    dump(cmd::RULE_GET, rules::rule_dump),
    set(cmd::RULE_NEW, &RULE, rules::rule_new),
    set(cmd::RULE_DEL, &RULE_NAME, rules::rule_del),
    get(cmd::GROUP_GET, &ONE_NAME, group::get),
    dump(cmd::GROUP_GET, group::dump),
    set(cmd::GROUP_NEW, &GROUP, group::new),
    set(cmd::GROUP_DEL, &ONE_NAME, group::del),
    set(cmd::TRACE, &TRACE, trace::trace),
];

/// `config-get`.
fn config_get(request: &Request<'_>) -> Result {
    if state::running(request.net()).is_none() {
        let (generation, most) = state::limits(request.net());
        return request.reply(cmd::CONFIG_GET, 256, |message| {
            fill(&Lists::default(), 0, generation, most, message)
        });
    }
    state::look(request, |view| {
        let (config, lists) = (view.config, &*view.lists);
        let rtnl = &*view.rtnl;
        request.reply(cmd::CONFIG_GET, 4096, |message| {
            if let Some(tunnel) = config.tunnel(rtnl) {
                message.put_u32(attr::TUNNEL, tunnel.ifindex)?;
                message.put_str(attr::TUNNEL_NAME, tunnel.dev.name(rtnl))?;
            }
            let entries = config.entries.len();
            fill(lists, entries, view.generation, view.max_entries, message)?;
            config.tally.fill(attr::DROP, message)
        })
    })
}

fn fill(
    lists: &Lists,
    entries: u32,
    generation: u32,
    max_entries: u32,
    message: &mut Message<'_>,
) -> Result {
    message.put_u32(attr::GENERATION, generation)?;
    message.put_u32(attr::VPCS, lists.vpcs.len() as u32)?;
    message.put_u32(attr::PORTS, lists.ports.len() as u32)?;
    message.put_u32(attr::ENTRIES, entries)?;
    message.put_u32(attr::REMOTES, lists.remotes.len() as u32)?;
    message.put_u32(attr::ACLS, lists.acls.len() as u32)?;
    message.put_u32(attr::RULES, lists.rules)?;
    message.put_u32(attr::GROUPS, lists.groups.len() as u32)?;
    message.put_u32(attr::MAX_ENTRIES, max_entries)
}

/// `config-set`.
fn config_set(request: &Request<'_>) -> Result {
    let number = |kind| request.attrs.get(kind).and_then(|attr| attr.u32());
    let most = number(attr::MAX_ENTRIES);
    if let Some(most) = most {
        // Before anything is done.
        state::may_have_entries(request, most)?;
    }
    if let Some(index) = number(attr::TUNNEL) {
        state::change_in_force(request, |change| {
            if index == 0 {
                change.config.set_tunnel(None, None, change.rtnl);
                return Ok(());
            }
            let Some(dev) = NetDev::by_index(request.net(), index, change.rtnl) else {
                let why = c"no device with that index in this namespace";
                return Err(request.ack.refuse(ENODEV, why));
            };
            // With a remote and a key of its own it would send the frames of all tenants there.
            if !dev.is_kind(c"mqgre") || !dev.is_external(change.rtnl) {
                let why = c"the tunnel has to be a mqgre device, in collect-metadata mode";
                return Err(request.ack.refuse(EINVAL, why));
            }
            if change.lists.ports.get(&index).is_some() {
                return Err(request.ack.refuse(EBUSY, c"the device is a port"));
            }
            let dev = dev.hold();
            let tunnel = RcuBox::new(Tunnel {
                dev: dev.hold(),
                ifindex: index,
            })?;
            let intake = match change.staged {
                true => None,
                false => Some(Intake::new(&dev, change.rtnl)?),
            };
            change.config.set_tunnel(Some(tunnel), intake, change.rtnl);
            Ok(())
        })?;
    }
    match most {
        Some(most) => state::set_max_entries(request, most),
        None => Ok(()),
    }
}

/// Tells the listeners of a namespace that something has changed there.
pub(crate) fn notify_changed(net: &Net, generation: u32) {
    if FAMILY.is_heard(net, MONITOR) {
        // If memory is short, they miss it, as they may any message of netlink.
        let _ = FAMILY.notify(
            net,
            MONITOR,
            cmd::CONFIG_NTF,
            16,
            |message: &mut Message<'_>| message.put_u32(attr::GENERATION, generation),
        );
    }
}
