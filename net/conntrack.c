// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own connection tracking, for frames in a bridge. Linked into the
 * module that tracks, which then needs nf_conntrack.
 */
#include "conntrack.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* Without marks nobody could tell whose rules have allowed a connection. */
#if IS_ENABLED(CONFIG_NF_CONNTRACK) && defined(CONFIG_NF_CONNTRACK_MARK)
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

/*
 * What stands for a zone, whose connections have nothing to do with those of
 * others; NULL without memory, -EOPNOTSUPP without tracking. There may be several
 * of one, each with its count.
 */
struct nf_conn *vpcnet_zone_new(struct net *net, u16 zone)
{
	struct nf_conntrack_zone nf_zone;

	nf_ct_zone_init(&nf_zone, zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	return nf_ct_tmpl_alloc(net, &nf_zone, GFP_KERNEL_ACCOUNT);
}

void vpcnet_zone_free(struct nf_conn *zone)
{
	nf_ct_put(zone);
}

/*
 * Finds the connection of a frame whose IP header is at data, and attaches it.
 * The reference of @zone for the time of the lookup is on a line that all CPUs
 * write; so is what tracking itself writes to a connection.
 */
enum vpcnet_conn vpcnet_track(struct sk_buff *skb, struct net *net, struct nf_conn *zone, bool v6)
{
	const struct nf_hook_state state = {
		.hook = NF_INET_PRE_ROUTING,
		.pf = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
		.net = net,
	};
	const unsigned int header = v6 ? sizeof(struct ipv6hdr) : 0;
	const unsigned int len = header + (v6 ? skb_ipv6_payload_len(skb) : skb_ip_totlen(skb));
	enum ip_conntrack_info info;
	struct nf_conn *ct;

	/*
	 * What pads a short frame would count as data. A length of 0 is that of a
	 * jumbogram. In one piece it stays where it is, which the caller relies on.
	 */
	if (len > header && len < skb->len && !skb_is_nonlinear(skb) &&
	    pskb_trim_rcsum(skb, len))
		return VPCNET_CONN_INVALID;
	nf_reset_ct(skb);
	nf_conntrack_get(&zone->ct_general);
	nf_ct_set(skb, zone, IP_CT_NEW);
	if (nf_conntrack_in(skb, &state) != NF_ACCEPT)
		return VPCNET_CONN_INVALID;
	ct = nf_ct_get(skb, &info);
	if (!ct)
		return VPCNET_CONN_INVALID;
	/* One that was expected has its master's. */
	if (!nf_ct_is_confirmed(ct))
		WRITE_ONCE(ct->mark, 0);
	switch (info) {
	case IP_CT_NEW:
		return VPCNET_CONN_NEW;
	case IP_CT_RELATED:
	case IP_CT_RELATED_REPLY:
		return VPCNET_CONN_RELATED;
	default:
		return VPCNET_CONN_KNOWN;
	}
}

/*
 * A connection's mark says whose rules have allowed it: 16 bits for who began it,
 * 16 for the other end. A port is at the one or the other, by which way the frame
 * goes past it.
 */
static unsigned int mark_shift(enum ip_conntrack_info info, bool egress)
{
	return egress == (CTINFO2DIR(info) == IP_CT_DIR_ORIGINAL) ? 0 : 16;
}

/* Whether @port, not 0, has allowed the connection of a frame that it sends or gets. */
bool vpcnet_track_is_allowed(const struct sk_buff *skb, u16 port, bool egress)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return (READ_ONCE(ct->mark) >> mark_shift(info, egress) & U16_MAX) == port;
}

/* @port has allowed it. */
void vpcnet_track_allow(struct sk_buff *skb, u16 port, bool egress)
{
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);
	const unsigned int shift = mark_shift(info, egress);
	u32 old = READ_ONCE(ct->mark), new;

	/* The other end's port may say so at the same time. */
	do {
		new = (old & ~((u32)U16_MAX << shift)) | (u32)port << shift;
		if (new == old)
			return;
	} while (!try_cmpxchg(&ct->mark, &old, new));
}

/*
 * Counts the connection that a frame is the first one of among those of @zone;
 * false: that has @most of them already. It is the connection's master, of which
 * the kernel lets go when the connection is gone, however that comes about.
 */
bool vpcnet_track_count(struct sk_buff *skb, struct nf_conn *zone, u32 most)
{
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	/* Whoever was first counts it. */
	if (nf_ct_is_confirmed(ct) || ct->master)
		return true;
	nf_conntrack_get(&zone->ct_general);
	if (vpcnet_zone_count(zone) > most) {
		nf_ct_put(zone);
		return false;
	}
	ct->master = zone;
	return true;
}

/* Connections that are counted, and for a moment each frame that is looked up. */
u32 vpcnet_zone_count(const struct nf_conn *zone)
{
	/* One reference is the owner's. */
	return refcount_read(&zone->ct_general.use) - 1;
}

/* The frame goes on: what it is the first one of is a connection. False: it may not. */
bool vpcnet_track_confirm(struct sk_buff *skb)
{
	return nf_conntrack_confirm(skb) == NF_ACCEPT;
}
#else
struct nf_conn *vpcnet_zone_new(struct net *net, u16 zone)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void vpcnet_zone_free(struct nf_conn *zone)
{
}

enum vpcnet_conn vpcnet_track(struct sk_buff *skb, struct net *net, struct nf_conn *zone, bool v6)
{
	return VPCNET_CONN_INVALID;
}

bool vpcnet_track_is_allowed(const struct sk_buff *skb, u16 port, bool egress)
{
	return false;
}

void vpcnet_track_allow(struct sk_buff *skb, u16 port, bool egress)
{
}

bool vpcnet_track_count(struct sk_buff *skb, struct nf_conn *zone, u32 most)
{
	return false;
}

u32 vpcnet_zone_count(const struct nf_conn *zone)
{
	return 0;
}

bool vpcnet_track_confirm(struct sk_buff *skb)
{
	return false;
}
#endif
