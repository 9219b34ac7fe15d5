/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is done with packets on receive; all of it is "datapath", see helpers.h.
 */
#ifndef VPCNET_RECEIVE_H
#define VPCNET_RECEIVE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst_metadata.h>
#include <net/gro_cells.h>

/* Why a packet was not decapsulated; 0: it was. */
enum vpcnet_rx {
	VPCNET_RX_OK,
	VPCNET_RX_SHORT,	/* its headers are cut off */
	VPCNET_RX_CSUM,		/* the GRE checksum is wrong */
	VPCNET_RX_INNER,	/* the frame's own headers are cut off */
	VPCNET_RX_ECN,		/* marked, and cannot take the mark (RFC 6040) */
	VPCNET_RX_NO_MEMORY,
};

/* What is around the frame of a packet whose outer headers begin at skb->data. */
struct vpcnet_around {
	unsigned int outer_len;	/* bytes before GRE */
	unsigned int gre_len;
	u8 tos;
	bool outer_summed;	/* these bytes are part of skb->csum, if there is one */
	bool csum;		/* GRE has a checksum */
	bool cross_netns;	/* the device is in another namespace */
	/* answers */
	bool gro_was_on;	/* whether GRO has seen it with these headers */
	unsigned long offset;	/* of this CPU's memory, see net/percpu.rs */
};

unsigned int vpcnet_steal(struct sk_buff *skb, bool v6);
enum vpcnet_rx vpcnet_decap_l2(struct sk_buff *skb, struct net_device *dev,
			       struct vpcnet_around *around);
void vpcnet_deliver_l2(struct sk_buff *skb, struct gro_cells *cells, struct metadata_dst *md,
		       u16 queue_mapping, bool gro_was_on);
unsigned int vpcnet_ip6_payload(const struct sk_buff *skb, u8 *protocol);
int vpcnet_ip6_iif(const struct sk_buff *skb);
const u8 *vpcnet_network_header(const struct sk_buff *skb);

/* ICMP errors: @offset is that of the ICMP header, or of the header quoted in it */
bool vpcnet_icmp_csum_ok(const struct sk_buff *skb, unsigned int offset, bool v6);
void vpcnet_learn_pmtu(struct net *net, struct sk_buff *skb, unsigned int offset, bool v6, u32 mtu,
		       int oif);

#endif
