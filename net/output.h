/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way of an encapsulated packet to its uplink: routes, lanes, output.
 *
 * Contexts are named as in net/context.rs: "datapath" is BH off with RCU held.
 */
#ifndef VPCNET_OUTPUT_H
#define VPCNET_OUTPUT_H

#include <linux/in6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst_cache.h>

/* Queues that a device may have, as many as the sockets to name them. */
#define VPCNET_MAX_LANES 4096

/* What a route is looked up by; addresses, key and flow label in network order. */
struct vpcnet_flow {
	/* Of an IPv4 address the first word. */
	struct in6_addr remote, local;
	__be32 key, flowlabel;
	u32 hash, mark;
	int oif;
	__be16 sport, dport;
	u8 proto, tos, flow_flags;
	bool v6;
};

/* Paths that a device keeps on each CPU where they depend on the packet: as a power of two. */
#define VPCNET_WAYS_BITS 6
#define VPCNET_TO_WORDS 3

/* A route with what the encapsulation needs of it; holds a reference of @dst. */
struct vpcnet_path {
	struct dst_entry *dst;
	/* When @mtu and @queues were looked at. */
	unsigned long tick;
	struct in6_addr remote, local;
	u32 cookie;
	u32 mtu;
	/* Bytes in front of the outer IP header; and with the headers that are kept. */
	u32 headroom, room;
	/* Transmit queues where the packets end up, see vpcnet_lowest_queues(). */
	u16 queues;
	u8 hoplimit, proto;
	bool v6;
	bool mtu_locked;
	/* There is a device below the route's whose queues count. */
	bool stacked;
	/* Nothing but a link layer header is missing on the way to the device. */
	bool direct;
	/* The headers that are kept with it are of a plain kind, see vpc_core/outer.rs; and DF may be set. */
	bool plain_headers, plain;
	/* More packets than one will see it. */
	bool kept;
	/* Identifications to give to packets that may be fragmented. */
	u16 ident, idents;
	/* What it was found for, where it depends on the packet, see vpcnet_begin_to(); and what of that
	 * the outer header says, which is a plain one if @to_plain.
	 */
	u64 to[VPCNET_TO_WORDS];
	u8 to_tos, to_ttl;
	bool to_plain;
};

/* Where a packet is to be encapsulated, and how far that is known. */
enum vpcnet_begin_state {
	VPCNET_BEGIN_READY,	/* the path of this CPU is good, and there is room in front */
	VPCNET_BEGIN_PATH,	/* the path is good, the packet needs vpcnet_prepare() */
	VPCNET_BEGIN_NO_PATH,	/* it is not: look one up */
	VPCNET_BEGIN_TOO_DEEP,	/* tunnels within tunnels */
	VPCNET_BEGIN_BAD_FRAME,	/* cut off */
};

struct vpcnet_begin {
	unsigned long offset;	/* of this CPU's memory, see net/percpu.rs */
	unsigned long state;	/* enum vpcnet_begin_state; a word of its own is a register */
};

/* How vpcnet_output() treats a packet. */
#define VPCNET_OUT_DIRECT	0x01	/* past the host's output path, even with a firewall */
#define VPCNET_OUT_STACK	0x02	/* through the host's output path, always */
#define VPCNET_OUT_KEEP_LANE	0x04	/* the lane decides the uplink's queue */

/* What vpcnet_headers_done() has to do. */
#define VPCNET_HDR_OFFLOAD	0x01	/* segmentation or an inner checksum is left to do */
#define VPCNET_HDR_GRE_CSUM	0x02
#define VPCNET_HDR_UDP		0x04
#define VPCNET_HDR_UDP_CSUM	0x08

/* process context, RTNL */
int vpcnet_lanes_reserve(unsigned int lanes);
void vpcnet_lanes_release(void);
/* any context; RCU held */
struct net_device *vpcnet_lowest_device(struct net_device *dev);
u16 vpcnet_lowest_queues(struct net_device *dev);
/* process context, or datapath with a cache */
int vpcnet_path_lookup(struct net *net, struct dst_cache *cache, const struct vpcnet_flow *flow,
		       struct vpcnet_path *out);

u32 vpcnet_path_dev_mtu(const struct vpcnet_path *path);
struct net_device *vpcnet_path_dev(const struct vpcnet_path *path);

/* RCU held, by who owns the path */
void vpcnet_path_refresh(struct vpcnet_path *path);

/* datapath */
struct vpcnet_begin vpcnet_begin(struct sk_buff *skb, struct vpcnet_path __percpu *paths);
struct vpcnet_begin vpcnet_begin_to(struct sk_buff *skb, void __percpu *paths, size_t stride);
bool vpcnet_path_to(const struct sk_buff *skb, struct vpcnet_path *path);
int vpcnet_prepare(struct sk_buff *skb, unsigned int headroom, unsigned int gso_type);
void vpcnet_headers_done(struct sk_buff *skb, unsigned int ip_len, unsigned int what);
bool vpcnet_too_big(struct sk_buff *skb, struct net_device *dev, const struct vpcnet_path *path,
		    unsigned int headers, unsigned int mtu, bool tell);
u16 vpcnet_ident(struct net *net, struct vpcnet_path *path, const struct sk_buff *skb,
		 unsigned int block);
int vpcnet_output_express(struct sk_buff *skb, struct net *net, struct vpcnet_path *path,
			  unsigned int flags, u16 lane);
int vpcnet_output(struct sk_buff *skb, struct net *net, struct vpcnet_path *path,
		  unsigned int flags, u16 lane);

#endif
