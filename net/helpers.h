/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Rust cannot call by itself: inline functions and macros of the kernel,
 * several to a function where a packet needs them together.
 *
 * Contexts are named as in net/context.rs: "datapath" is BH off with RCU held.
 */
#ifndef VPCNET_HELPERS_H
#define VPCNET_HELPERS_H

#include <linux/netdevice.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <net/dst_cache.h>
#include <net/gro_cells.h>
#include <net/netlink.h>

/* Sizes and offsets that gcc sees, to compare with those that bindgen made. */
struct vpcnet_layout {
	size_t skb, skb_len, skb_data_len, skb_queue_mapping, skb_head, skb_data;
	size_t net_device, dev_netdev_ops, dev_mtu, dev_real_num_tx_queues, dev_priv;
	size_t dev_needed_headroom, dev_destructor, dev_real_num_rx_queues;
	size_t dev_num_tx_queues, dev_num_rx_queues, dev_ifindex, dev_reg_state;
	size_t dev_features, dev_hw_features, dev_max_mtu, dev_ethtool_ops, dev_needs_free;
	size_t dev_stat_ops, dev_state, dev_net;
	size_t newlink_params, ack;
	size_t ops, ops_start_xmit, ops_get_stats64;
	size_t link_ops, link_ops_newlink, link_ops_fill_info;
	size_t hook_ops, hook_ops_priority;
	size_t pernet, pernet_exit_rtnl;
	size_t ethtool, ethtool_get_channels, ethtool_set_channels;
	size_t drvinfo, drvinfo_version, drvinfo_bus_info, channels, channels_rx_count;
	size_t stat_ops, stat_ops_get_base_stats, queue_stats_rx, queue_stats_tx;
	size_t path, path_plain, flow;
	size_t genl_family, genl_family_split_ops, genl_split_ops, genl_split_ops_policy;
	size_t genl_info, genl_info_attrs, genl_dumpit_info, netlink_callback;
	size_t netlink_callback_min_dump_alloc, netlink_callback_ctx;
	size_t notifier_block, changeupper_info, changeupper_info_linking;
	size_t policy, rhashtable, rhashtable_nelems, gro_cells, dst_cache, stats64;
};
void vpcnet_layout(struct vpcnet_layout *out);

/* What a tunnel wants to know of the device below it; sizes in bytes. */
struct vpcnet_uplink {
	u32 mtu, headroom, tx_queues;
};

/*
 * The outer addressing of one packet, as struct ip_tunnel_key has it. Of an
 * IPv4 address only the first word is used. Ports are those of a UDP header
 * around GRE, 0 if there is none.
 */
struct vpcnet_tun_key {
	__be32 remote[4], local[4];
	__be32 key, label;
	__be16 sport, dport;
	u8 tos, ttl, flow_flags;
	bool v6, has_key, csum, df;
};

/* Distance from where a per-CPU value seems to be to this CPU's, see net/percpu.rs. */
static inline unsigned long vpcnet_this_offset(void)
{
#ifdef CONFIG_SMP
	return __my_cpu_offset;
#else
	return 0;
#endif
}

/* process context */
void *vpcnet_net_generic(const struct net *net, unsigned int id);
bool vpcnet_net_has_ended(const struct net *net);
struct net *vpcnet_dev_net(const struct net_device *dev);
bool vpcnet_uplink(struct net *net, int ifindex, struct vpcnet_uplink *out);
void vpcnet_dev_hold(struct net_device *dev);
void vpcnet_dev_put(struct net_device *dev);
void vpcnet_setup_lockless(struct net_device *dev);
int vpcnet_drain(struct net_device *dev, bool received);
void vpcnet_list_init(struct list_head *list);
void vpcnet_list_add(struct list_head *item, struct list_head *list);
void vpcnet_list_del(struct list_head *item);
bool vpcnet_has_address(struct net *net, const __be32 *addr, bool v6);
void vpcnet_eth_hw_addr_random(struct net_device *dev);
void vpcnet_publish(void **slot, void *value);
void vpcnet_call_rcu(struct rcu_head *head, rcu_callback_t func);
void vpcnet_rcu_barrier(void);
bool vpcnet_bh_enter(void);
void vpcnet_bh_leave(void);
unsigned long vpcnet_cpu_offset(void);
void __percpu *vpcnet_percpu_alloc(size_t size, size_t align);
void vpcnet_percpu_free(void __percpu *memory);
void *vpcnet_percpu_at(void __percpu *memory, unsigned int cpu);
bool vpcnet_cpu_possible(unsigned int cpu);
unsigned int vpcnet_nr_cpus(void);
unsigned int vpcnet_online_cpus(void);

/* rhashtable with keys of several words right behind the rhash_head */
#define VPCNET_KEY_WORDS 6
struct vpcnet_entry {
	struct rhash_head node;
	u64 key[VPCNET_KEY_WORDS];
};
int vpcnet_table_init(struct rhashtable *ht);
struct vpcnet_entry *vpcnet_table_lookup(struct rhashtable *ht, const u64 *key);
struct vpcnet_entry *vpcnet_table_lookup3(struct rhashtable *ht, const u64 *key);
struct vpcnet_entry *vpcnet_table_lookup_unlocked(struct rhashtable *ht, const u64 *key);
struct vpcnet_entry *vpcnet_table_insert(struct rhashtable *ht, struct vpcnet_entry *entry);
void vpcnet_table_destroy(struct rhashtable *ht, void (*free_entry)(struct vpcnet_entry *entry));
int vpcnet_table_replace(struct rhashtable *ht, struct vpcnet_entry *old,
			 struct vpcnet_entry *new);
struct rhashtable_iter *vpcnet_walk_new(struct rhashtable *ht);
void vpcnet_walk_start(struct rhashtable_iter *iter);
struct vpcnet_entry *vpcnet_walk_peek(struct rhashtable_iter *iter, bool *again);
void vpcnet_walk_step(struct rhashtable_iter *iter);
void vpcnet_walk_stop(struct rhashtable_iter *iter);
void vpcnet_walk_free(struct rhashtable_iter *iter);
int vpcnet_table_remove(struct rhashtable *ht, struct vpcnet_entry *entry);

/* any context */
u64 vpcnet_milliseconds(void);

/* datapath */
u32 vpcnet_skb_hash(struct sk_buff *skb);
u32 vpcnet_seed(void);
u32 vpcnet_random(void);
u32 vpcnet_skb_mark(const struct sk_buff *skb);
bool vpcnet_is_gso(const struct sk_buff *skb);
bool vpcnet_tun_tx_key(struct sk_buff *skb, struct vpcnet_tun_key *out, struct dst_cache **cache);
struct metadata_dst *vpcnet_tun_rx_dst(const struct vpcnet_tun_key *key);
void vpcnet_metadata_hold(struct metadata_dst *md);
bool vpcnet_gso_fits(const struct sk_buff *skb, unsigned int mtu);
void vpcnet_drop(struct sk_buff *skb, unsigned int reason);

#endif
