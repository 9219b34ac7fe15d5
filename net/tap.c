// SPDX-License-Identifier: GPL-2.0
/*
 * Taps from outside: what they are, what is around them, and the files that say
 * more about their driver.
 */
#include "tap.h"
#include "output.h"

#include <linux/cred.h>
#include <linux/device.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/if_arp.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <net/rtnetlink.h>

bool vpcnet_is_kind(const struct net_device *dev, const char *kind)
{
	return dev->rtnl_link_ops && !strcmp(dev->rtnl_link_ops->kind, kind);
}

/* Whether a GRE device takes addresses and keys from its packets. Under RTNL. */
bool vpcnet_is_external(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;
	struct sk_buff *skb;
	bool external;

	if (!ops || !ops->fill_info)
		return false;
	skb = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return false;
	external = !ops->fill_info(skb, dev) &&
		   nla_find((const struct nlattr *)skb->data, skb->len, IFLA_GRE_COLLECT_METADATA);
	nlmsg_free(skb);
	return external;
}

const char *vpcnet_dev_name(const struct net_device *dev)
{
	return dev->name;
}

bool vpcnet_is_tap(const struct net_device *dev)
{
	return dev->type == ARPHRD_ETHER && vpcnet_is_kind(dev, "tun");
}

bool vpcnet_is_bridge(const struct net_device *dev)
{
	return netif_is_bridge_master(dev);
}

bool vpcnet_is_bridge_port(const struct net_device *dev)
{
	return netif_is_bridge_port(dev);
}

/* As vpcnet_lowest_device(), for who holds RTNL, which keeps it. */
struct net_device *vpcnet_lanes_of(struct net_device *dev)
{
	struct net_device *lowest;

	ASSERT_RTNL();
	rcu_read_lock();
	lowest = vpcnet_lowest_device(dev);
	rcu_read_unlock();
	return lowest;
}

/*
 * A tunnel's own uplink, if it is bound to one that is in the same namespace. A
 * pair has its other end there, which packets only come by.
 */
static struct net_device *vpcnet_below(struct net_device *port)
{
	const struct rtnl_link_ops *ops = port->rtnl_link_ops;
	int ifindex = dev_get_iflink(port);

	if (ifindex == port->ifindex || port->netdev_ops->ndo_get_peer_dev)
		return port;
	if (ops && ops->get_link_net && ops->get_link_net(port) != dev_net(port))
		return port;
	return __dev_get_by_index(dev_net(port), ifindex) ?: port;
}

/*
 * Where the packets of a tap leave: of the other ports of its bridge that are no
 * taps, that with the most queues; for a tunnel, the device that it is bound to.
 */
struct net_device *vpcnet_uplink_of(struct net_device *tap)
{
	struct net_device *bridge, *port, *best = NULL;
	struct list_head *iter;

	ASSERT_RTNL();
	bridge = netdev_master_upper_dev_get(tap);
	if (!bridge || !netif_is_bridge_master(bridge))
		return NULL;
	netdev_for_each_lower_dev(bridge, port, iter) {
		if (vpcnet_is_tap(port))
			continue;
		if (!best || port->real_num_tx_queues > best->real_num_tx_queues)
			best = port;
	}
	return best ? vpcnet_below(best) : NULL;
}

struct net_device *vpcnet_dev_by_index(struct net *net, int ifindex)
{
	return __dev_get_by_index(net, ifindex);
}

struct net_device *vpcnet_dev_by_name(struct net *net, const char *name)
{
	return __dev_get_by_name(net, name);
}

/* The attribute "lanes" that a patched driver has beside its others. */
static struct device_attribute *vpcnet_lanes_attr(const struct net_device *dev)
{
	int group, i;

	for (group = 0; group < ARRAY_SIZE(dev->sysfs_groups); group++) {
		const struct attribute_group *attrs = dev->sysfs_groups[group];

		if (!attrs || !attrs->attrs)
			continue;
		for (i = 0; attrs->attrs[i]; i++)
			if (!strcmp(attrs->attrs[i]->name, "lanes"))
				return container_of(attrs->attrs[i], struct device_attribute, attr);
	}
	return NULL;
}

bool vpcnet_has_lanes_attr(const struct net_device *dev)
{
	const struct device_attribute *attr = vpcnet_lanes_attr(dev);

	return attr && attr->store;
}

int vpcnet_write_lanes_attr(struct net_device *dev, const char *text, size_t len)
{
	struct device_attribute *attr = vpcnet_lanes_attr(dev);
	ssize_t written;

	if (!attr || !attr->store)
		return -EOPNOTSUPP;
	/* Whoever has caused it now: an admin has asked for it before. */
	scoped_with_kernel_creds()
		written = attr->store(&dev->dev, attr, text, len);
	return written < 0 ? written : 0;
}

/*
 * Reads a file, up to @len bytes; the count of these. Not by kernel_read_file(),
 * which is for what the kernel is to run or to trust.
 */
ssize_t vpcnet_read_file(const char *path, size_t len, void **out)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t n;

	*out = NULL;
	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	len = min_t(loff_t, len, i_size_read(file_inode(file)));
	*out = kvmalloc(len, GFP_KERNEL);
	if (!*out) {
		n = -ENOMEM;
		goto out;
	}
	do {
		n = kernel_read(file, *out + pos, len - pos, &pos);
	} while (n > 0 && pos < len);
	if (n >= 0)
		n = pos;
out:
	fput(file);
	return n;
}

void vpcnet_free_file(void *text)
{
	kvfree(text);
}
