/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads to make the bindings of crate vpcnet.
 *
 * The kernel's own bindings leave net_device, rtnl_link_ops and netfilter out;
 * the list of what is taken from here stands in net/bindgen_parameters.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_tunnel.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <net/dst_cache.h>
#include <net/gro_cells.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>
#include <net/netdev_queues.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "bridge.h"
#include "conntrack.h"
#include "genl.h"
#include "helpers.h"
#include "if_mqgre.h"
#include "mq_gre_trace.h"
#include "output.h"
#include "receive.h"
#include "tap.h"
#include "tun_mq.h"
#include "udp.h"
#include "vpc_hook.h"

/* Macros with casts are no constants to bindgen; these are. */
const unsigned int VPCNET_IFLA_MAX = IFLA_MAX;
const u8 VPCNET_GENL_MCAST_ADMIN = GENL_MCAST_CAP_NET_ADMIN;
const netdev_features_t VPCNET_F_SG = NETIF_F_SG;
const netdev_features_t VPCNET_F_FRAGLIST = NETIF_F_FRAGLIST;
const netdev_features_t VPCNET_F_HIGHDMA = NETIF_F_HIGHDMA;
const netdev_features_t VPCNET_F_HW_CSUM = NETIF_F_HW_CSUM;
const netdev_features_t VPCNET_F_GSO_SOFTWARE = NETIF_F_GSO_SOFTWARE;
