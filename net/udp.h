/* SPDX-License-Identifier: GPL-2.0 */
/* UDP ports that tunnels receive on. */
#ifndef VPCNET_UDP_H
#define VPCNET_UDP_H

#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/sock.h>

struct vpcnet_udp;

/* Takes the packet over, with skb->data at the UDP header; returns 0. RCU held. */
typedef int (*vpcnet_udp_rcv_t)(struct sock *sk, struct sk_buff *skb);

/* process context, may sleep */
struct vpcnet_udp *vpcnet_udp_open(struct net *net, bool v6, u16 port, vpcnet_udp_rcv_t rcv,
				   void *private);
void vpcnet_udp_close(struct vpcnet_udp *udp);

/* RCU held; NULL if the port is about to be closed */
void *vpcnet_udp_private(const struct sock *sk);

#endif
