/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints of mq_gre for Rust: net/mq_gre_trace.rs looks at their static
 * keys by itself and calls these functions where one is on.
 */
#ifndef MQ_GRE_TRACE_H
#define MQ_GRE_TRACE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

/* What the events say of a packet. */
struct mq_gre_trace {
	const struct net_device *dev;
	const struct sk_buff *skb;	/* NULL where others own it; only its address is noted */
	s64 key;			/* -1: none */
	u32 len;
	s32 lane;			/* -1: none yet */
	u16 family;
	u8 remote[16], local[16];	/* the first 4 bytes for AF_INET */
};

void mq_gre_trace_xmit(const struct mq_gre_trace *packet);
void mq_gre_trace_rcv(const struct mq_gre_trace *packet);
void mq_gre_trace_drop(const struct mq_gre_trace *packet, const char *reason, size_t reason_len);

#endif
