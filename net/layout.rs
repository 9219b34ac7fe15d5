// SPDX-License-Identifier: GPL-2.0

//! Whether the structures that bindgen made are laid out as the C compiler's.
//!
//! The bindings are made by clang's parser, the kernel and the helpers by (usually) gcc. A difference
//! would corrupt memory, so a module asks before it does anything else.

use core::mem::offset_of;
use core::mem::size_of;
use core::mem::MaybeUninit;

use kernel::prelude::*;

use crate::bindings;

/// Compares sizes and offsets of all structures that Rust code looks into.
///
/// # Errors
///
/// `ENOEXEC` if any differs, after naming it in the kernel log.
pub fn check() -> Result {
    let mut layout = MaybeUninit::<bindings::vpcnet_layout>::zeroed();
    // SAFETY: The pointer is valid; the function fills all fields in, and zeroes are valid, too.
    let c = unsafe {
        bindings::vpcnet_layout(layout.as_mut_ptr());
        layout.assume_init()
    };

    let mut fine = true;
    macro_rules! same {
        ($($field:ident: $rust:expr;)*) => {$(
            if c.$field != $rust {
                pr_err!("{}: C says {}, bindgen {}\n", stringify!($field), c.$field, $rust);
                fine = false;
            }
        )*};
    }

    use bindings::*;
    same! {
        skb: size_of::<sk_buff>();
        skb_len: offset_of!(sk_buff, len);
        skb_data_len: offset_of!(sk_buff, data_len);
        skb_queue_mapping: offset_of!(sk_buff, queue_mapping);
        skb_head: offset_of!(sk_buff, head);
        skb_data: offset_of!(sk_buff, data);
        net_device: size_of::<net_device>();
        dev_netdev_ops: offset_of!(net_device, netdev_ops);
        dev_mtu: offset_of!(net_device, mtu);
        dev_real_num_tx_queues: offset_of!(net_device, real_num_tx_queues);
        dev_real_num_rx_queues: offset_of!(net_device, real_num_rx_queues);
        dev_num_tx_queues: offset_of!(net_device, num_tx_queues);
        dev_num_rx_queues: offset_of!(net_device, num_rx_queues);
        dev_ifindex: offset_of!(net_device, ifindex);
        dev_reg_state: offset_of!(net_device, reg_state);
        dev_features: offset_of!(net_device, features);
        dev_hw_features: offset_of!(net_device, hw_features);
        dev_max_mtu: offset_of!(net_device, max_mtu);
        dev_ethtool_ops: offset_of!(net_device, ethtool_ops);
        dev_stat_ops: offset_of!(net_device, stat_ops);
        dev_state: offset_of!(net_device, state);
        dev_net: offset_of!(net_device, nd_net);
        dev_needs_free: offset_of!(net_device, needs_free_netdev);
        dev_priv: offset_of!(net_device, priv_);
        dev_needed_headroom: offset_of!(net_device, needed_headroom);
        dev_destructor: offset_of!(net_device, priv_destructor);
        ops: size_of::<net_device_ops>();
        ops_start_xmit: offset_of!(net_device_ops, ndo_start_xmit);
        ops_get_stats64: offset_of!(net_device_ops, ndo_get_stats64);
        link_ops: size_of::<rtnl_link_ops>();
        link_ops_newlink: offset_of!(rtnl_link_ops, newlink);
        link_ops_fill_info: offset_of!(rtnl_link_ops, fill_info);
        newlink_params: size_of::<rtnl_newlink_params>();
        ack: size_of::<netlink_ext_ack>();
        hook_ops: size_of::<nf_hook_ops>();
        hook_ops_priority: offset_of!(nf_hook_ops, priority);
        pernet: size_of::<pernet_operations>();
        pernet_exit_rtnl: offset_of!(pernet_operations, exit_rtnl);
        ethtool: size_of::<ethtool_ops>();
        ethtool_get_channels: offset_of!(ethtool_ops, get_channels);
        ethtool_set_channels: offset_of!(ethtool_ops, set_channels);
        drvinfo: size_of::<ethtool_drvinfo>();
        drvinfo_version: offset_of!(ethtool_drvinfo, version);
        drvinfo_bus_info: offset_of!(ethtool_drvinfo, bus_info);
        channels: size_of::<ethtool_channels>();
        channels_rx_count: offset_of!(ethtool_channels, rx_count);
        stat_ops: size_of::<netdev_stat_ops>();
        stat_ops_get_base_stats: offset_of!(netdev_stat_ops, get_base_stats);
        queue_stats_rx: size_of::<netdev_queue_stats_rx>();
        queue_stats_tx: size_of::<netdev_queue_stats_tx>();
        path: size_of::<vpcnet_path>();
        path_plain: offset_of!(vpcnet_path, plain);
        flow: size_of::<vpcnet_flow>();
        genl_family: size_of::<genl_family>();
        genl_family_split_ops: offset_of!(genl_family, split_ops);
        genl_split_ops: size_of::<genl_split_ops>();
        genl_split_ops_policy: offset_of!(genl_split_ops, policy);
        genl_info: size_of::<genl_info>();
        genl_info_attrs: offset_of!(genl_info, attrs);
        genl_dumpit_info: size_of::<genl_dumpit_info>();
        netlink_callback: size_of::<netlink_callback>();
        netlink_callback_min_dump_alloc: offset_of!(netlink_callback, min_dump_alloc);
        netlink_callback_ctx: offset_of!(netlink_callback, __bindgen_anon_1);
        notifier_block: size_of::<notifier_block>();
        changeupper_info: size_of::<netdev_notifier_changeupper_info>();
        changeupper_info_linking: offset_of!(netdev_notifier_changeupper_info, linking);
        policy: size_of::<nla_policy>();
        rhashtable: size_of::<rhashtable>();
        rhashtable_nelems: offset_of!(rhashtable, nelems);
        gro_cells: size_of::<gro_cells>();
        dst_cache: size_of::<dst_cache>();
        stats64: size_of::<rtnl_link_stats64>();
    }
    if fine {
        Ok(())
    } else {
        Err(ENOEXEC)
    }
}
