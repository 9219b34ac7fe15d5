// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions and macros of the kernel, made callable; see helpers.h.
 */
#include "helpers.h"
#include "output.h"

#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/netfilter.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <net/addrconf.h>
#include <net/genetlink.h>
#include <net/gso.h>
#include <net/ip_tunnels.h>
#include <net/netdev_queues.h>
#include <net/netns/generic.h>
#include <net/route.h>
#include <net/rtnetlink.h>

#if defined(CONFIG_PREEMPT_RT) && !defined(CONFIG_PREEMPT_RT_NEEDS_BH_LOCK)
#error "What is one CPU's is kept apart by BH alone, which does not do that on this kernel."
#endif

void vpcnet_layout(struct vpcnet_layout *out)
{
	*out = (struct vpcnet_layout) {
		.skb = sizeof(struct sk_buff),
		.skb_len = offsetof(struct sk_buff, len),
		.skb_data_len = offsetof(struct sk_buff, data_len),
		.skb_queue_mapping = offsetof(struct sk_buff, queue_mapping),
		.skb_head = offsetof(struct sk_buff, head),
		.skb_data = offsetof(struct sk_buff, data),
		.net_device = sizeof(struct net_device),
		.dev_netdev_ops = offsetof(struct net_device, netdev_ops),
		.dev_mtu = offsetof(struct net_device, mtu),
		.dev_real_num_tx_queues = offsetof(struct net_device, real_num_tx_queues),
		.dev_real_num_rx_queues = offsetof(struct net_device, real_num_rx_queues),
		.dev_num_tx_queues = offsetof(struct net_device, num_tx_queues),
		.dev_num_rx_queues = offsetof(struct net_device, num_rx_queues),
		.dev_ifindex = offsetof(struct net_device, ifindex),
		.dev_reg_state = offsetof(struct net_device, reg_state),
		.dev_features = offsetof(struct net_device, features),
		.dev_hw_features = offsetof(struct net_device, hw_features),
		.dev_max_mtu = offsetof(struct net_device, max_mtu),
		.dev_ethtool_ops = offsetof(struct net_device, ethtool_ops),
		.dev_stat_ops = offsetof(struct net_device, stat_ops),
		.dev_state = offsetof(struct net_device, state),
		.dev_net = offsetof(struct net_device, nd_net),
		.dev_needs_free = offsetof(struct net_device, needs_free_netdev),
		.newlink_params = sizeof(struct rtnl_newlink_params),
		.ack = sizeof(struct netlink_ext_ack),
		.dev_priv = offsetof(struct net_device, priv),
		.dev_needed_headroom = offsetof(struct net_device, needed_headroom),
		.dev_destructor = offsetof(struct net_device, priv_destructor),
		.ops = sizeof(struct net_device_ops),
		.ops_start_xmit = offsetof(struct net_device_ops, ndo_start_xmit),
		.ops_get_stats64 = offsetof(struct net_device_ops, ndo_get_stats64),
		.link_ops = sizeof(struct rtnl_link_ops),
		.link_ops_newlink = offsetof(struct rtnl_link_ops, newlink),
		.link_ops_fill_info = offsetof(struct rtnl_link_ops, fill_info),
		.hook_ops = sizeof(struct nf_hook_ops),
		.hook_ops_priority = offsetof(struct nf_hook_ops, priority),
		.pernet = sizeof(struct pernet_operations),
		.pernet_exit_rtnl = offsetof(struct pernet_operations, exit_rtnl),
		.ethtool = sizeof(struct ethtool_ops),
		.ethtool_get_channels = offsetof(struct ethtool_ops, get_channels),
		.ethtool_set_channels = offsetof(struct ethtool_ops, set_channels),
		.drvinfo = sizeof(struct ethtool_drvinfo),
		.drvinfo_version = offsetof(struct ethtool_drvinfo, version),
		.drvinfo_bus_info = offsetof(struct ethtool_drvinfo, bus_info),
		.channels = sizeof(struct ethtool_channels),
		.channels_rx_count = offsetof(struct ethtool_channels, rx_count),
		.stat_ops = sizeof(struct netdev_stat_ops),
		.stat_ops_get_base_stats = offsetof(struct netdev_stat_ops, get_base_stats),
		.queue_stats_rx = sizeof(struct netdev_queue_stats_rx),
		.queue_stats_tx = sizeof(struct netdev_queue_stats_tx),
		.path = sizeof(struct vpcnet_path),
		.path_plain = offsetof(struct vpcnet_path, plain),
		.flow = sizeof(struct vpcnet_flow),
		.genl_family = sizeof(struct genl_family),
		.genl_family_split_ops = offsetof(struct genl_family, split_ops),
		.genl_split_ops = sizeof(struct genl_split_ops),
		.genl_split_ops_policy = offsetof(struct genl_split_ops, policy),
		.genl_info = sizeof(struct genl_info),
		.genl_info_attrs = offsetof(struct genl_info, attrs),
		.genl_dumpit_info = sizeof(struct genl_dumpit_info),
		.netlink_callback = sizeof(struct netlink_callback),
		.netlink_callback_min_dump_alloc =
			offsetof(struct netlink_callback, min_dump_alloc),
		.netlink_callback_ctx = offsetof(struct netlink_callback, ctx),
		.notifier_block = sizeof(struct notifier_block),
		.changeupper_info = sizeof(struct netdev_notifier_changeupper_info),
		.changeupper_info_linking =
			offsetof(struct netdev_notifier_changeupper_info, linking),
		.policy = sizeof(struct nla_policy),
		.rhashtable = sizeof(struct rhashtable),
		.rhashtable_nelems = offsetof(struct rhashtable, nelems),
		.gro_cells = sizeof(struct gro_cells),
		.dst_cache = sizeof(struct dst_cache),
		.stats64 = sizeof(struct rtnl_link_stats64),
	};
}

void *vpcnet_net_generic(const struct net *net, unsigned int id)
{
	return net_generic(net, id);
}

bool vpcnet_net_has_ended(const struct net *net)
{
	return !check_net(net);
}

struct net *vpcnet_dev_net(const struct net_device *dev)
{
	return dev_net(dev);
}

void vpcnet_dev_hold(struct net_device *dev)
{
	dev_hold(dev);
}

void vpcnet_dev_put(struct net_device *dev)
{
	dev_put(dev);
}

void vpcnet_setup_lockless(struct net_device *dev)
{
	dev->lltx = true;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* The packets' dst may carry tunnel metadata. */
	netif_keep_dst(dev);
}

/*
 * Waits until the packets are gone that are being handled now and, if @received,
 * those that wait in @dev's GRO cells. New ones go around the cells meanwhile
 * (gro_cells_receive() looks at NETIF_F_GRO), so that the wait ends under any
 * load. With an XDP program packets wait in the CPUs' backlogs instead, which
 * nobody can wait for: -EBUSY. Under RTNL.
 */
int vpcnet_drain(struct net_device *dev, bool received)
{
	const netdev_features_t gro = dev->features & NETIF_F_GRO;
	struct napi_struct *napi;

	if (!received) {
		synchronize_net();
		return 0;
	}
	if (rtnl_dereference(dev->xdp_prog)) {
		netdev_info(dev, "fewer receive queues: detach the XDP program first\n");
		return -EBUSY;
	}
	dev->features &= ~gro;
	synchronize_net();
	list_for_each_entry(napi, &dev->napi_list, dev_list) {
		/* Frames that GRO holds back belong to no poll. */
		while (test_bit(NAPI_STATE_SCHED, &napi->state) || READ_ONCE(napi->gro.bitmask))
			msleep(1);
	}
	dev->features |= gro;
	return 0;
}

void vpcnet_list_init(struct list_head *list)
{
	INIT_LIST_HEAD(list);
}

void vpcnet_list_add(struct list_head *item, struct list_head *list)
{
	list_add_tail(item, list);
}

void vpcnet_list_del(struct list_head *item)
{
	list_del_init(item);
}

void vpcnet_eth_hw_addr_random(struct net_device *dev)
{
	eth_hw_addr_random(dev);
}

void vpcnet_publish(void **slot, void *value)
{
	smp_store_release(slot, value);
}

void vpcnet_call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	call_rcu(head, func);
}

void vpcnet_rcu_barrier(void)
{
	rcu_barrier();
}

/*
 * Switches BH off unless it is; true: vpcnet_bh_leave() undoes it. With
 * interrupts off, as netpoll sends, BH is off, too, and switching it on again
 * would run softirqs there.
 */
bool vpcnet_bh_enter(void)
{
	if (likely(softirq_count()) || irqs_disabled())
		return false;
	local_bh_disable();
	return true;
}

void vpcnet_bh_leave(void)
{
	local_bh_enable();
}

unsigned long vpcnet_cpu_offset(void)
{
	return vpcnet_this_offset();
}

/* Zeroed; may sleep. */
void __percpu *vpcnet_percpu_alloc(size_t size, size_t align)
{
	return __alloc_percpu_gfp(size, align, GFP_KERNEL_ACCOUNT);
}

void vpcnet_percpu_free(void __percpu *memory)
{
	free_percpu(memory);
}

void *vpcnet_percpu_at(void __percpu *memory, unsigned int cpu)
{
	return per_cpu_ptr(memory, cpu);
}

bool vpcnet_cpu_possible(unsigned int cpu)
{
	return cpu_possible(cpu);
}

unsigned int vpcnet_nr_cpus(void)
{
	return nr_cpu_ids;
}

unsigned int vpcnet_online_cpus(void)
{
	return num_online_cpus();
}

static __always_inline u64 vpcnet_mix(u64 word)
{
	return word * GOLDEN_RATIO_64 ^ mul_u64_u64_shr(word, GOLDEN_RATIO_64, 64);
}

/*
 * Words that may make up for each other (a VPC and an address, an address and a
 * key) must not be folded before they are mixed: such keys would collide under
 * any seed, and neither a larger table nor another seed would part them.
 */
static __always_inline u32 vpcnet_table_hash(const void *data, u32 len, u32 seed)
{
	const u64 *key = data;
	u64 hash = seed;

	hash = vpcnet_mix(hash ^ key[0] ^ rol64(key[3], 32));
	hash = vpcnet_mix(hash ^ key[1] ^ key[4]);
	return vpcnet_mix(hash ^ key[2] ^ rol64(key[5], 16));
}

static __always_inline int vpcnet_table_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct vpcnet_entry *entry = obj;
	const u64 *a = arg->key, *b = entry->key;

	BUILD_BUG_ON(VPCNET_KEY_WORDS != 6);
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) |
		(a[3] ^ b[3]) | (a[4] ^ b[4]) | (a[5] ^ b[5])) != 0;
}

static const struct rhashtable_params vpcnet_table_params = {
	.head_offset = offsetof(struct vpcnet_entry, node),
	.key_offset = offsetof(struct vpcnet_entry, key),
	.key_len = sizeof_field(struct vpcnet_entry, key),
	.hashfn = vpcnet_table_hash,
	.obj_cmpfn = vpcnet_table_cmp,
	.automatic_shrinking = true,
};

int vpcnet_table_init(struct rhashtable *ht)
{
	return rhashtable_init(ht, &vpcnet_table_params);
}

/* With the RCU read lock held: tables of another size are freed under it. */
struct vpcnet_entry *vpcnet_table_lookup(struct rhashtable *ht, const u64 *key)
{
	return rhashtable_lookup(ht, key, vpcnet_table_params);
}

/* The same where only the first three words of keys are in use. */
static __always_inline u32 vpcnet_table_hash3(const void *data, u32 len, u32 seed)
{
	const u64 *key = data;

	return vpcnet_mix(vpcnet_mix(vpcnet_mix(seed ^ key[0]) ^ key[1]) ^ key[2]);
}

static __always_inline int vpcnet_table_cmp3(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct vpcnet_entry *entry = obj;
	const u64 *a = arg->key, *b = entry->key;

	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2])) != 0;
}

static const struct rhashtable_params vpcnet_table_params3 = {
	.head_offset = offsetof(struct vpcnet_entry, node),
	.key_offset = offsetof(struct vpcnet_entry, key),
	.key_len = 3 * sizeof(u64),
	.hashfn = vpcnet_table_hash3,
	.obj_cmpfn = vpcnet_table_cmp3,
};

struct vpcnet_entry *vpcnet_table_lookup3(struct rhashtable *ht, const u64 *key)
{
	/* Otherwise it would take the table's own functions, which read more. */
	BUILD_BUG_ON(!__builtin_constant_p(vpcnet_table_params3.key_len));
	return rhashtable_lookup(ht, key, vpcnet_table_params3);
}

/* For who keeps the entries from going by other means. */
struct vpcnet_entry *vpcnet_table_lookup_unlocked(struct rhashtable *ht, const u64 *key)
{
	return rhashtable_lookup_fast(ht, key, vpcnet_table_params);
}

/* NULL: inserted; else the entry that is in the way, or an error pointer. */
struct vpcnet_entry *vpcnet_table_insert(struct rhashtable *ht, struct vpcnet_entry *entry)
{
	return rhashtable_lookup_get_insert_fast(ht, &entry->node, vpcnet_table_params);
}

int vpcnet_table_remove(struct rhashtable *ht, struct vpcnet_entry *entry)
{
	return rhashtable_remove_fast(ht, &entry->node, vpcnet_table_params);
}

int vpcnet_table_replace(struct rhashtable *ht, struct vpcnet_entry *old,
			 struct vpcnet_entry *new)
{
	return rhashtable_replace_fast(ht, &old->node, &new->node, vpcnet_table_params);
}

struct rhashtable_iter *vpcnet_walk_new(struct rhashtable *ht)
{
	struct rhashtable_iter *iter = kmalloc(sizeof(*iter), GFP_KERNEL);

	if (iter)
		rhashtable_walk_enter(ht, iter);
	return iter;
}

void vpcnet_walk_start(struct rhashtable_iter *iter)
{
	rhashtable_walk_start(iter);
}

/*
 * The entry where the walk is; NULL at the end, or with @again where it begins
 * anew since the table has another size.
 */
struct vpcnet_entry *vpcnet_walk_peek(struct rhashtable_iter *iter, bool *again)
{
	struct vpcnet_entry *entry = rhashtable_walk_peek(iter);

	*again = IS_ERR(entry);
	return *again ? NULL : entry;
}

void vpcnet_walk_step(struct rhashtable_iter *iter)
{
	rhashtable_walk_next(iter);
}

void vpcnet_walk_stop(struct rhashtable_iter *iter)
{
	rhashtable_walk_stop(iter);
}

void vpcnet_walk_free(struct rhashtable_iter *iter)
{
	rhashtable_walk_exit(iter);
	kfree(iter);
}

static void vpcnet_table_free(void *entry, void *free_entry)
{
	void (*func)(struct vpcnet_entry *entry) = free_entry;

	func(entry);
}

void vpcnet_table_destroy(struct rhashtable *ht, void (*free_entry)(struct vpcnet_entry *entry))
{
	rhashtable_free_and_destroy(ht, vpcnet_table_free, free_entry);
}

bool vpcnet_uplink(struct net *net, int ifindex, struct vpcnet_uplink *out)
{
	struct net_device *dev = __dev_get_by_index(net, ifindex);

	if (!dev)
		return false;
	*out = (struct vpcnet_uplink) {
		.mtu = dev->mtu,
		.headroom = LL_RESERVED_SPACE(dev),
	};
	rcu_read_lock();
	out->tx_queues = vpcnet_lowest_queues(dev);
	rcu_read_unlock();
	return true;
}

u32 vpcnet_skb_hash(struct sk_buff *skb)
{
	return skb_get_hash(skb);
}

/*
 * Not by get_random_once(): its deferred work would hold the module for a
 * while, and keep it from being unloaded.
 */
u32 vpcnet_seed(void)
{
	static u32 seed;
	u32 now = READ_ONCE(seed);

	if (now)
		return now;
	now = get_random_u32() | 1;
	return cmpxchg(&seed, 0, now) ?: now;
}

u32 vpcnet_random(void)
{
	return get_random_u32();
}

u32 vpcnet_skb_mark(const struct sk_buff *skb)
{
	return skb->mark;
}

bool vpcnet_is_gso(const struct sk_buff *skb)
{
	return skb_is_gso(skb);
}

/* Whether all segments of a GSO frame are at most @mtu bytes of IP. */
bool vpcnet_gso_fits(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_gso_validate_network_len(skb, mtu);
}

void vpcnet_drop(struct sk_buff *skb, unsigned int reason)
{
	kfree_skb_reason(skb, (enum skb_drop_reason)reason);
}

u64 vpcnet_milliseconds(void)
{
	return jiffies64_to_msecs(get_jiffies_64());
}

/* Whether packets to an address are for this host. */
bool vpcnet_has_address(struct net *net, const __be32 *addr, bool v6)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (v6)
		return ipv6_chk_addr(net, (const struct in6_addr *)addr, NULL, 0);
#endif
	return !v6 && inet_addr_type(net, addr[0]) == RTN_LOCAL;
}
