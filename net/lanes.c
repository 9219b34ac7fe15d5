// SPDX-License-Identifier: GPL-2.0
/*
 * Lanes: the sockets that stand for them, and how many there are.
 */
#include "lanes.h"

#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

struct sock *vpcnet_lanes[VPCNET_MAX_LANES];

/* Makes sure that there are sockets for lanes below @lanes. */
int vpcnet_lanes_reserve(unsigned int lanes)
{
	struct socket *sock;
	unsigned int lane;
	int err;

	ASSERT_RTNL();
	for (lane = 0; lane < min_t(unsigned int, lanes, VPCNET_MAX_LANES); lane++) {
		if (vpcnet_lanes[lane])
			continue;
		/* The first namespace never ends, however long a packet lives. */
		err = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &sock);
		if (err)
			return err;
		/* Nobody reads: no copies for timestamps. */
		WRITE_ONCE(sock->sk->sk_rcvbuf, 0);
		sk_tx_queue_set(sock->sk, lane);
		smp_store_release(&vpcnet_lanes[lane], sock->sk);
	}
	return 0;
}

/* When no device is left. Packets that are still queued hold their socket. */
void vpcnet_lanes_release(void)
{
	unsigned int lane;

	for (lane = 0; lane < VPCNET_MAX_LANES; lane++) {
		if (!vpcnet_lanes[lane])
			continue;
		sock_release(vpcnet_lanes[lane]->sk_socket);
		vpcnet_lanes[lane] = NULL;
	}
}

struct vpcnet_lowest {
	struct net_device *hardware, *any;
};

static bool vpcnet_fewer(const struct net_device *dev, const struct net_device *than)
{
	return !than || READ_ONCE(dev->real_num_tx_queues) < READ_ONCE(than->real_num_tx_queues);
}

static int vpcnet_lowest_of(struct net_device *lower, struct netdev_nested_priv *priv)
{
	struct vpcnet_lowest *lowest = priv->data;

	if (!list_empty(&lower->adj_list.lower) || READ_ONCE(lower->real_num_tx_queues) < 2)
		return 0;
	/* Those above may hear of it later than we. */
	if (READ_ONCE(lower->reg_state) != NETREG_REGISTERED)
		return 0;
	if (vpcnet_fewer(lower, lowest->any))
		lowest->any = lower;
	if (lower->dev.parent && vpcnet_fewer(lower, lowest->hardware))
		lowest->hardware = lower;
	return 0;
}

/*
 * The device whose transmit queues tell lanes apart: the lowest below, of the
 * hardware among them if there is any, that with the fewest if there are several.
 * With none that has more than one queue, @dev itself. Under RCU.
 */
struct net_device *vpcnet_lowest_device(struct net_device *dev)
{
	struct vpcnet_lowest lowest = {};
	struct netdev_nested_priv priv = { .data = &lowest };

	if (list_empty(&dev->adj_list.lower))
		return dev;
	netdev_walk_all_lower_dev_rcu(dev, vpcnet_lowest_of, &priv);
	return lowest.hardware ?: lowest.any ?: dev;
}

u16 vpcnet_lowest_queues(struct net_device *dev)
{
	return READ_ONCE(vpcnet_lowest_device(dev)->real_num_tx_queues);
}
