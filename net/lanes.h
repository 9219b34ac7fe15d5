/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets that stand for lanes.
 *
 * A lane outranks XPS only as the transmit queue of the packet's socket, which
 * the stack asks first. So there is a socket for each lane. None of them sends
 * or receives: they are names for queues, shared by all devices of the module.
 */
#ifndef VPCNET_LANES_H
#define VPCNET_LANES_H

#include <linux/jiffies.h>
#include <net/sock.h>

#include "output.h"

extern struct sock *vpcnet_lanes[VPCNET_MAX_LANES];

/* How far ahead a socket's queue is said to be fresh: it is never stale. */
#define VPCNET_LANE_FRESH	(10 * HZ)

static inline struct sock *vpcnet_lane_sock(u16 lane)
{
	return smp_load_acquire(&vpcnet_lanes[lane % VPCNET_MAX_LANES]);
}

/*
 * Ties a packet to a queue of the devices below. The count of the socket is an
 * atomic that all CPUs on this lane share, as they are about to share the lock
 * and the ring of the queue that it stands for.
 */
static __always_inline void vpcnet_take_lane(struct sk_buff *skb, u16 lane)
{
	struct sock *sk = skb->sk;

	if (sk && sk_fullsock(sk) && sk_is_tcp(sk)) {
		/* The host's own TCP: it counts on its packets (TSQ). */
		sk_tx_queue_set(sk, lane);
	} else {
		skb_orphan(skb);
		sk = vpcnet_lane_sock(lane);
		/* Should the stack fragment a list later, it accounts to its socket. */
		if (likely(sk && !skb_has_frag_list(skb))) {
			if (unlikely(time_before(READ_ONCE(sk->sk_tx_queue_mapping_jiffies),
						 jiffies + VPCNET_LANE_FRESH / 2)))
				WRITE_ONCE(sk->sk_tx_queue_mapping_jiffies,
					   jiffies + VPCNET_LANE_FRESH);
			sock_hold(sk);
			skb->sk = sk;
			skb->destructor = sock_efree;
		}
	}
	/* Else the stack would choose the socket's queue anew. */
	skb->ooo_okay = 0;
	skb_record_rx_queue(skb, lane);
}

#endif
