/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames that ports of bridges receive, and what becomes of them. All datapath.
 */
#ifndef VPCNET_BRIDGE_H
#define VPCNET_BRIDGE_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/dst_metadata.h>

/* A frame as it was received; lengths in bytes, with the Ethernet header. */
struct vpcnet_frame {
	const u8 *start;	/* the destination address */
	u32 linear;		/* bytes in one piece there */
	u32 len;		/* all of them; of a GSO frame before it is cut */
	u32 ifindex;		/* of the port that it came by */
	bool tagged;	/* by a VLAN tag that is not in the frame */
	u32 sum;	/* 0, or where a checksum to be written begins << 16, and belongs */
	unsigned long offset;	/* of this CPU's memory, see net/percpu.rs */
};
void vpcnet_frame_look(const struct sk_buff *skb, struct vpcnet_frame *out);

enum vpcnet_intake_state {
	VPCNET_INTAKE_OURS,
	VPCNET_INTAKE_SHARED,	/* somebody else has it, too */
	VPCNET_INTAKE_HOSTS,	/* it has not come by the device */
	VPCNET_INTAKE_NO_BRIDGE,	/* its device is in none */
	VPCNET_INTAKE_NO_FRAME,	/* there is no Ethernet header before data */
};
enum vpcnet_intake_state vpcnet_intake(const struct sk_buff *skb, struct vpcnet_frame *out);

bool vpcnet_frame_pull(struct sk_buff *skb, u32 len);
bool vpcnet_frame_writable(struct sk_buff *skb, u32 len);
bool vpcnet_frame_sum(struct sk_buff *skb);

/* The tunnel that a received frame has come by; false if by none. */
struct vpcnet_came_by {
	__be32 remote[4];
	u32 key;
	bool v6;
};
bool vpcnet_came_by(struct sk_buff *skb, struct vpcnet_came_by *out);

struct metadata_dst *vpcnet_tx_metadata(const __be32 *remote, bool v6, u32 key);
int vpcnet_send_frame(struct sk_buff *skb, struct net_device *dev, struct metadata_dst *md);
void vpcnet_consume(struct sk_buff *skb);
struct sk_buff *vpcnet_clone(struct sk_buff *skb);
struct sk_buff *vpcnet_new_frame(struct net_device *dev, const u8 *bytes, u32 len, u16 queue);
u32 vpcnet_state_in(const struct nf_hook_state *state);
u32 vpcnet_state_out(const struct nf_hook_state *state);

#endif
