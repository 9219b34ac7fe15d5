// SPDX-License-Identifier: GPL-2.0
/*
 * UDP ports that tunnels receive on: a kernel socket for each namespace, family
 * and port, shared by those that use it. It never queues a packet.
 */
#include "udp.h"

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <net/gro.h>
#include <net/protocol.h>
#include <net/udp_tunnel.h>

/* Kernels before 7.3 have these take a socket instead of its sock. */
#define VPCNET_SETUP_ARG(sk)							\
	_Generic(&setup_udp_tunnel_sock,					\
		 void (*)(struct net *, struct sock *, struct udp_tunnel_sock_cfg *): (sk), \
		 default: (sk)->sk_socket)
#define VPCNET_RELEASE_ARG(sk)							\
	_Generic(&udp_tunnel_sock_release,					\
		 void (*)(struct sock *): (sk),					\
		 default: (sk)->sk_socket)

struct vpcnet_udp {
	struct list_head list;
	struct rcu_head rcu;
	struct net *net;
	struct sock *sk;
	void *private;
	unsigned int users;
	u16 port;
	bool v6;
};

static LIST_HEAD(vpcnet_udp_ports);
static DEFINE_MUTEX(vpcnet_udp_mutex);

/* The handlers of GRE do the work: to them, UDP is one more outer header. */
static const struct net_offload *vpcnet_gre_offload(const struct sock *sk)
{
	const struct net_offload __rcu **offloads =
		sk->sk_family == AF_INET6 ? inet6_offloads : inet_offloads;

	return rcu_dereference(offloads[IPPROTO_GRE]);
}

static struct sk_buff *vpcnet_udp_gro_receive(struct sock *sk, struct list_head *head,
					      struct sk_buff *skb)
{
	const struct net_offload *ops = vpcnet_gre_offload(sk);

	if (!ops || !ops->callbacks.gro_receive)
		return NULL;
	/* It refuses a second encapsulation, which this is not. */
	NAPI_GRO_CB(skb)->encap_mark = 0;
	NAPI_GRO_CB(skb)->is_fou = 1;
	return call_gro_receive(ops->callbacks.gro_receive, head, skb);
}

static int vpcnet_udp_gro_complete(struct sock *sk, struct sk_buff *skb, int nhoff)
{
	const struct udphdr *uh = (const struct udphdr *)(skb->data + nhoff - sizeof(*uh));
	const struct net_offload *ops = vpcnet_gre_offload(sk);
	int err;

	if (!ops || !ops->callbacks.gro_complete)
		return -ENOSYS;
	err = ops->callbacks.gro_complete(skb, nhoff);
	skb_set_inner_mac_header(skb, nhoff);
	/* GRE puts its own type in the place of UDP's, and UDP would cut the packet again. */
	skb_shinfo(skb)->gso_type |= uh->check ? SKB_GSO_UDP_TUNNEL_CSUM : SKB_GSO_UDP_TUNNEL;
	return err;
}

static struct sock *vpcnet_udp_sock(struct net *net, bool v6, u16 port)
{
	struct udp_port_cfg cfg = {
		.family = v6 ? AF_INET6 : AF_INET,
		.local_udp_port = htons(port),
		.ipv6_v6only = v6,
		/* Whether a packet without checksum is taken is up to its tunnel. */
		.use_udp6_rx_checksums = false,
	};
	struct socket *sock;
	int err;

	if (v6 && !IS_ENABLED(CONFIG_IPV6))
		return ERR_PTR(-EAFNOSUPPORT);
	err = udp_sock_create(net, &cfg, &sock);
	return err ? ERR_PTR(err) : sock->sk;
}

/* One more user of a port; the first one's @rcv and @private are those of all. */
struct vpcnet_udp *vpcnet_udp_open(struct net *net, bool v6, u16 port, vpcnet_udp_rcv_t rcv,
				   void *private)
{
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = 1,
		.encap_rcv = rcv,
		.gro_receive = vpcnet_udp_gro_receive,
		.gro_complete = vpcnet_udp_gro_complete,
	};
	struct vpcnet_udp *udp;
	struct sock *sk;

	mutex_lock(&vpcnet_udp_mutex);
	list_for_each_entry(udp, &vpcnet_udp_ports, list) {
		if (udp->net == net && udp->v6 == v6 && udp->port == port) {
			udp->users++;
			goto out;
		}
	}
	udp = kzalloc(sizeof(*udp), GFP_KERNEL);
	if (!udp) {
		udp = ERR_PTR(-ENOMEM);
		goto out;
	}
	sk = vpcnet_udp_sock(net, v6, port);
	if (IS_ERR(sk)) {
		kfree(udp);
		udp = ERR_CAST(sk);
		goto out;
	}
	udp->net = net;
	udp->sk = sk;
	udp->private = private;
	udp->users = 1;
	udp->port = port;
	udp->v6 = v6;
	list_add(&udp->list, &vpcnet_udp_ports);
	cfg.sk_user_data = udp;
	setup_udp_tunnel_sock(net, VPCNET_SETUP_ARG(sk), &cfg);
	sk->sk_allocation = GFP_ATOMIC;
out:
	mutex_unlock(&vpcnet_udp_mutex);
	return udp;
}

/*
 * The last user closes the port. A packet may be on its way to the receiver
 * until an RCU grace period has passed; what it needs must stay until then.
 */
void vpcnet_udp_close(struct vpcnet_udp *udp)
{
	mutex_lock(&vpcnet_udp_mutex);
	if (--udp->users == 0) {
		list_del(&udp->list);
		udp_tunnel_sock_release(VPCNET_RELEASE_ARG(udp->sk));
		kfree_rcu(udp, rcu);
	}
	mutex_unlock(&vpcnet_udp_mutex);
}

void *vpcnet_udp_private(const struct sock *sk)
{
	const struct vpcnet_udp *udp = rcu_dereference_sk_user_data(sk);

	return udp ? udp->private : NULL;
}
