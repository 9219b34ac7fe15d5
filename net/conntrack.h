/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own connection tracking, for frames in a bridge.
 */
#ifndef VPCNET_CONNTRACK_H
#define VPCNET_CONNTRACK_H

#include <linux/skbuff.h>
#include <net/net_namespace.h>

/* What a frame is to its connection. */
enum vpcnet_conn {
	VPCNET_CONN_NEW,	/* its first, as yet */
	VPCNET_CONN_KNOWN,	/* of one that is there */
	VPCNET_CONN_RELATED,	/* of none, but of an error of one that is there, or expected by it */
	VPCNET_CONN_INVALID,	/* of none that there can be */
};

/* process context */
struct nf_conn *vpcnet_zone_new(struct net *net, u16 zone);
void vpcnet_zone_free(struct nf_conn *zone);
/* any context */
u32 vpcnet_zone_count(const struct nf_conn *zone);

/* datapath */
enum vpcnet_conn vpcnet_track(struct sk_buff *skb, struct net *net, struct nf_conn *zone, bool v6);
bool vpcnet_track_is_allowed(const struct sk_buff *skb, u16 port, bool egress);
void vpcnet_track_allow(struct sk_buff *skb, u16 port, bool egress);
bool vpcnet_track_count(struct sk_buff *skb, struct nf_conn *zone, u32 most);
bool vpcnet_track_confirm(struct sk_buff *skb);

#endif
