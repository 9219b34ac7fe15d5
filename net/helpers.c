// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions and macros of the kernel, made callable; see helpers.h.
 */
#include "helpers.h"

#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/netdev_queues.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netns/generic.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#include <net/xfrm.h>

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
		.policy = sizeof(struct nla_policy),
		.rhashtable = sizeof(struct rhashtable),
		.gro_cells = sizeof(struct gro_cells),
		.dst_cache = sizeof(struct dst_cache),
		.stats64 = sizeof(struct rtnl_link_stats64),
	};
}

void *vpcnet_net_generic(const struct net *net, unsigned int id)
{
	return net_generic(net, id);
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

bool vpcnet_is_up(const struct net_device *dev)
{
	return netif_running(dev);
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

/* Switches BH off unless it is; returns what vpcnet_bh_leave() wants. */
bool vpcnet_bh_enter(void)
{
	if (likely(softirq_count()))
		return false;
	local_bh_disable();
	return true;
}

void vpcnet_bh_leave(bool entered)
{
	if (unlikely(entered))
		local_bh_enable();
}

int vpcnet_this_cpu(void)
{
	return raw_smp_processor_id();
}

unsigned int vpcnet_nr_cpus(void)
{
	return nr_cpu_ids;
}

unsigned int vpcnet_online_cpus(void)
{
	return num_online_cpus();
}

static const struct rhashtable_params vpcnet_table_params = {
	.head_offset = offsetof(struct vpcnet_entry, node),
	.key_offset = offsetof(struct vpcnet_entry, key),
	.key_len = sizeof_field(struct vpcnet_entry, key),
	.automatic_shrinking = true,
};

int vpcnet_table_init(struct rhashtable *ht)
{
	return rhashtable_init(ht, &vpcnet_table_params);
}

/* With the RCU read lock held: tables of another size are freed under it. */
struct vpcnet_entry *vpcnet_table_lookup(struct rhashtable *ht, const u8 *key)
{
	return rhashtable_lookup(ht, key, vpcnet_table_params);
}

/* For who keeps the entries from going by other means. */
struct vpcnet_entry *vpcnet_table_lookup_unlocked(struct rhashtable *ht, const u8 *key)
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
	const struct net_device *dev = __dev_get_by_index(net, ifindex);

	if (!dev)
		return false;
	*out = (struct vpcnet_uplink) {
		.mtu = dev->mtu,
		.headroom = LL_RESERVED_SPACE(dev),
		.tx_queues = dev->real_num_tx_queues,
	};
	return true;
}

u32 vpcnet_skb_hash(struct sk_buff *skb)
{
	return skb_get_hash(skb);
}

u32 vpcnet_skb_mark(const struct sk_buff *skb)
{
	return skb->mark;
}

bool vpcnet_inet_may_pull(struct sk_buff *skb)
{
	return pskb_inet_may_pull(skb);
}

int vpcnet_cow_head(struct sk_buff *skb, unsigned int headroom)
{
	return skb_cow_head(skb, headroom);
}

bool vpcnet_is_gso(const struct sk_buff *skb)
{
	return skb_is_gso(skb);
}

bool vpcnet_tun_tx_key(struct sk_buff *skb, struct vpcnet_tun_key *out, struct dst_cache **cache)
{
	struct ip_tunnel_info *info = skb_tunnel_info(skb);
	const struct ip_tunnel_key *key;

	if (!info || !(info->mode & IP_TUNNEL_INFO_TX) || ip_tunnel_info_af(info) != AF_INET ||
	    info->encap.type != TUNNEL_ENCAP_NONE)
		return false;

	key = &info->key;
	if (!key->u.ipv4.dst)
		return false;
	*out = (struct vpcnet_tun_key) {
		.remote = key->u.ipv4.dst,
		.local = key->u.ipv4.src,
		.key = tunnel_id_to_key32(key->tun_id),
		.tos = key->tos,
		.ttl = key->ttl,
		.flow_flags = key->flow_flags,
		.has_key = test_bit(IP_TUNNEL_KEY_BIT, key->tun_flags),
		.csum = test_bit(IP_TUNNEL_CSUM_BIT, key->tun_flags),
		.df = test_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, key->tun_flags),
	};
	*cache = ip_tunnel_dst_cache_usable(skb, info) ? &info->dst_cache : NULL;
	return true;
}

struct metadata_dst *vpcnet_tun_rx_dst(const struct vpcnet_tun_key *key)
{
	IP_TUNNEL_DECLARE_FLAGS(flags) = { };

	__assign_bit(IP_TUNNEL_KEY_BIT, flags, key->has_key);
	__assign_bit(IP_TUNNEL_CSUM_BIT, flags, key->csum);
	__assign_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, flags, key->df);
	return __ip_tun_set_dst(key->remote, key->local, key->tos, key->ttl, 0, flags,
				key32_to_tunnel_id(key->key), 0);
}

int vpcnet_route4(struct net *net, struct dst_cache *cache, const struct vpcnet_flow4 *flow,
		  struct vpcnet_route4 *out)
{
	struct rtable *rt = NULL;
	struct flowi4 fl4;

	if (cache)
		rt = dst_cache_get_ip4(cache, &fl4.saddr);
	if (!rt) {
		ip_tunnel_init_flow(&fl4, IPPROTO_GRE, flow->remote, flow->local, flow->key,
				    flow->tos & INET_DSCP_MASK, net, flow->oif, flow->mark,
				    flow->hash, flow->flow_flags);
		rt = ip_route_output_key(net, &fl4);
		if (IS_ERR(rt))
			return PTR_ERR(rt);
		if (cache)
			dst_cache_set_ip4(cache, &rt->dst, fl4.saddr);
	}

	*out = (struct vpcnet_route4) {
		.dst = &rt->dst,
		.dev = rt->dst.dev,
		.local = fl4.saddr,
		.mtu = dst_mtu(&rt->dst),
		.dev_mtu = rt->dst.dev->mtu,
		.dev_tx_queues = rt->dst.dev->real_num_tx_queues,
		.headroom = LL_RESERVED_SPACE(rt->dst.dev) + rt->dst.header_len,
		.hoplimit = ip4_dst_hoplimit(&rt->dst),
		.mtu_locked = ip_mtu_locked(&rt->dst),
	};
	return 0;
}

/* Whether all segments of a GSO frame are at most @mtu bytes of IP. */
bool vpcnet_gso_fits(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_gso_validate_network_len(skb, mtu);
}

/*
 * Tells the sender of an inner packet that @mtu bytes of IP is what fits. A
 * packet that came over a bridge has no route back, and nobody is told.
 */
void vpcnet_send_too_big(struct sk_buff *skb, unsigned int mtu)
{
	if (skb_valid_dst(skb))
		skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (skb->protocol == htons(ETH_P_IP)) {
		/* icmp_ndo_send() looks at the options in the control block. */
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	}
}

/*
 * A GRE header stands at skb->data, if @csum with its checksum field zero: says
 * so to segmentation and to the checksum code.
 */
void vpcnet_gre_header_done(struct sk_buff *skb, bool csum_wanted)
{
	__sum16 *csum = (__sum16 *)(skb->data + sizeof(struct gre_base_hdr));

	skb_set_inner_protocol(skb, htons(ETH_P_TEB));
	skb_reset_transport_header(skb);
	if (!csum_wanted)
		return;
	/* For GSO frames each segment gets its own, in gre_gso_segment(). */
	if (skb_shinfo(skb)->gso_type & (SKB_GSO_GRE | SKB_GSO_GRE_CSUM))
		return;
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_start(skb) > skb->data) {
		*csum = csum_fold(lco_csum(skb));
	} else {
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_transport_header(skb) - skb->head;
		skb->csum_offset = sizeof(struct gre_base_hdr);
	}
}

int vpcnet_recursion(void)
{
	return dev_recursion_level();
}

/*
 * Sends a packet that begins with an outer IPv4 header, complete but for length,
 * ident and checksum. Takes the reference of @dst and the skb. Returns net_xmit codes.
 */
int vpcnet_ip4_output(struct net *net, struct sk_buff *skb, struct dst_entry *dst, bool cross_netns)
{
	struct iphdr *iph;
	int err;

	dev_xmit_recursion_inc();

	skb_reset_network_header(skb);
	skb_scrub_packet(skb, cross_netns);
	skb_clear_hash_if_not_l4(skb);
	skb_dst_set(skb, dst);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));

	/*
	 * An ident is needed only where somebody may fragment (RFC 6864); its
	 * counter is shared by all that goes to the same host.
	 */
	iph = ip_hdr(skb);
	if (!(iph->frag_off & htons(IP_DF)))
		__ip_select_ident(net, iph, skb_shinfo(skb)->gso_segs ?: 1);

	err = ip_local_out(net, NULL, skb);

	dev_xmit_recursion_dec();
	return net_xmit_eval(err);
}

/* What conntrack does behind the last LOCAL_IN hook; returns a verdict. */
static unsigned int vpcnet_ct_confirm(struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	const struct nf_conn *ct = (const struct nf_conn *)skb_nfct(skb);
	const struct nf_ct_hook *hook;

	if (!ct || test_bit(IPS_CONFIRMED_BIT, &ct->status))
		return NF_ACCEPT;
	hook = rcu_dereference(nf_ct_hook);
	return hook ? hook->confirm(skb) : NF_ACCEPT;
#else
	return NF_ACCEPT;
#endif
}

/*
 * Does for a packet in LOCAL_IN what the stack does between here and a
 * protocol's handler, see ip_local_deliver_finish(). NF_ACCEPT: the packet may
 * be taken; anything else is the verdict on it.
 */
unsigned int vpcnet_steal(struct sk_buff *skb)
{
	unsigned int verdict = vpcnet_ct_confirm(skb);

	if (verdict != NF_ACCEPT)
		return verdict;
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return NF_DROP;
	skb_clear_delivery_time(skb);
	return xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb) ? NF_ACCEPT : NF_DROP;
}

/*
 * Takes note of a router's "fragmentation needed" for a GRE packet of this
 * host, as ip_gre does where it is loaded. @skb is an ICMP packet in LOCAL_IN,
 * its IP header @ihl bytes long, and is left as it was.
 */
void vpcnet_icmp_learn_pmtu(struct net *net, struct sk_buff *skb, unsigned int ihl)
{
	const unsigned int need = ihl + sizeof(struct icmphdr) + sizeof(struct iphdr);
	const struct icmphdr *icmp;
	const struct iphdr *quoted;
	u32 mtu;

	if (!pskb_may_pull(skb, need))
		return;
	/* The checksum is over what follows the IP header. */
	__skb_pull(skb, ihl);
	icmp = (const struct icmphdr *)skb->data;
	quoted = (const struct iphdr *)(icmp + 1);
	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED &&
	    quoted->version == 4 && quoted->protocol == IPPROTO_GRE &&
	    inet_addr_type(net, quoted->saddr) == RTN_LOCAL &&
	    !skb_checksum_simple_validate(skb)) {
		mtu = ntohs(icmp->un.frag.mtu);
		/* Looks at the quoted header at skb->data. */
		__skb_pull(skb, sizeof(*icmp));
		ipv4_update_pmtu(skb, net, mtu, skb->dev->ifindex, IPPROTO_GRE);
		__skb_push(skb, sizeof(*icmp));
	}
	__skb_push(skb, ihl);
}

/* The GRE header stands at skb->data; what follows it is covered, too. */
bool vpcnet_gre_rx_csum_ok(struct sk_buff *skb)
{
	if (skb_checksum_simple_validate(skb))
		return false;
	skb_checksum_try_convert(skb, IPPROTO_GRE, null_compute_pseudo);
	return true;
}

/*
 * Takes @hdr_len bytes of GRE off, so that the inner Ethernet header is the
 * MAC header at skb->data and as much of the inner IP header as there is
 * linear. Headers that the caller looked at may have moved.
 */
int vpcnet_decap_l2(struct sk_buff *skb, unsigned int hdr_len, bool cross_netns)
{
	int err = __iptunnel_pull_header(skb, hdr_len, htons(ETH_P_TEB), false, cross_netns);

	if (err < 0)
		return err;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	return pskb_inet_may_pull(skb) ? 0 : -EINVAL;
}

/*
 * Carries the outer ECN over to the IP header behind the Ethernet header at
 * skb->data and its VLAN tags, if there is one. 0: fine; 1: wrong but harmless;
 * 2: to be dropped (RFC 6040, figure 4); negative: no memory.
 */
int vpcnet_ecn_decapsulate(struct sk_buff *skb, u8 outer_tos)
{
	const struct iphdr outer = { .tos = outer_tos };
	unsigned int len;
	int depth, err;
	__be16 proto;

	/* Without ECN outside there is nothing to carry over. */
	if (INET_ECN_is_not_ect(outer_tos))
		return 0;
	skb->mac_len = ETH_HLEN;
	proto = vlan_get_protocol_and_depth(skb, skb->protocol, &depth);
	if (proto == htons(ETH_P_IP))
		len = depth + sizeof(struct iphdr);
	else if (proto == htons(ETH_P_IPV6))
		len = depth + sizeof(struct ipv6hdr);
	else
		return 0;
	if (!pskb_may_pull(skb, len))
		return 0;
	/* Others may hold a clone, as packet taps do. */
	err = skb_ensure_writable(skb, len);
	if (err)
		return err;
	skb_set_network_header(skb, depth);
	err = IP_ECN_decapsulate(&outer, skb);
	skb_set_network_header(skb, ETH_HLEN);
	return err;
}

void vpcnet_deliver_l2(struct sk_buff *skb, struct net_device *dev, struct gro_cells *cells,
		       struct metadata_dst *md, u16 rxq, bool cross_netns)
{
	skb_scrub_packet(skb, cross_netns);
	skb->protocol = eth_type_trans(skb, dev);
	skb_postpull_rcsum(skb, eth_hdr(skb), ETH_HLEN);
	if (md)
		skb_dst_set(skb, &md->dst);
	skb_record_rx_queue(skb, rxq);
	gro_cells_receive(cells, skb);
}

void vpcnet_drop(struct sk_buff *skb, unsigned int reason)
{
	kfree_skb_reason(skb, (enum skb_drop_reason)reason);
}
