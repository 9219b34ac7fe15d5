// SPDX-License-Identifier: GPL-2.0
/*
 * The way of an encapsulated packet to its uplink; see output.h.
 */
#include "output.h"

#include <linux/etherdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/arp.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ndisc.h>
#include <net/route.h>
#include <net/udp.h>

#include "helpers.h"
#include "lanes.h"

static __always_inline bool vpcnet_path_is_good(const struct vpcnet_path *path)
{
	struct dst_entry *dst = path->dst;

	if (unlikely(!dst))
		return false;
	/* What ipv4_dst_check() does, which is not all where IPsec is in the way. */
	if (likely(path->direct && !path->v6))
		return READ_ONCE(dst->obsolete) == DST_OBSOLETE_FORCE_CHK &&
		       dst_rtable(dst)->rt_genid == rt_genid_ipv4(dev_net_rcu(dst_dev_rcu(dst)));
	return dst_check(dst, path->cookie);
}

/* The checks that concern no single device. */
static __always_inline enum vpcnet_begin_state vpcnet_begin_frame(struct sk_buff *skb)
{
	if (unlikely(dev_recursion_level() > IP_TUNNEL_RECURSION_LIMIT))
		return VPCNET_BEGIN_TOO_DEEP;
	/* Both kinds of IP header are shorter. */
	if (unlikely(skb_headlen(skb) < ETH_HLEN + sizeof(struct ipv6hdr)) &&
	    (!pskb_may_pull(skb, ETH_HLEN) || !pskb_inet_may_pull(skb)))
		return VPCNET_BEGIN_BAD_FRAME;
	return VPCNET_BEGIN_NO_PATH;
}

/* Whether a path of this CPU is still good, and all that the packet needs. */
static __always_inline enum vpcnet_begin_state vpcnet_begin_path(struct sk_buff *skb,
								 struct vpcnet_path *path)
{
	if (unlikely(!vpcnet_path_is_good(path)))
		return VPCNET_BEGIN_NO_PATH;
	if (unlikely(path->tick != jiffies))
		vpcnet_path_refresh(path);
	if (unlikely(skb->ip_summed == CHECKSUM_PARTIAL || skb_is_gso(skb) ||
		     skb_cow_head(skb, path->room)))
		return VPCNET_BEGIN_PATH;
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	return VPCNET_BEGIN_READY;
}

/*
 * What comes first for each packet, in one call: the checks that concern no
 * single device, and whether the path of this CPU among @paths (or NULL) is
 * still good. Most packets need nothing else but room for their headers.
 */
struct vpcnet_begin vpcnet_begin(struct sk_buff *skb, struct vpcnet_path __percpu *paths)
{
	struct vpcnet_begin begin = { .offset = vpcnet_this_offset() };

	begin.state = vpcnet_begin_frame(skb);
	if (unlikely(begin.state != VPCNET_BEGIN_NO_PATH) || !paths)
		return begin;
	/* As raw_cpu_ptr(). */
	begin.state = vpcnet_begin_path(skb, (__force void *)((__force unsigned long)paths +
							      begin.offset));
	return begin;
}

/* What a packet's metadata asks for that others may ask for as well; false if that is nothing. */
static __always_inline bool vpcnet_asks(const struct sk_buff *skb, u64 to[VPCNET_TO_WORDS])
{
	const unsigned long flags = BIT(IP_TUNNEL_KEY_BIT) | BIT(IP_TUNNEL_CSUM_BIT) |
				    BIT(IP_TUNNEL_DONT_FRAGMENT_BIT);
	const struct ip_tunnel_info *info = skb_tunnel_info(skb);
	const struct ip_tunnel_key *key;

	/* The first word of the flags, of which the low half is used. */
	BUILD_BUG_ON(IP_TUNNEL_KEY_BIT >= 16 || IP_TUNNEL_CSUM_BIT >= 16 ||
		     IP_TUNNEL_DONT_FRAGMENT_BIT >= 16);
	if (unlikely(!info) ||
	    (info->mode & (IP_TUNNEL_INFO_TX | IP_TUNNEL_INFO_IPV6)) != IP_TUNNEL_INFO_TX)
		return false;
	/* A mark or a flag may lead elsewhere. */
	if (unlikely(info->encap.type != TUNNEL_ENCAP_NONE || skb->mark ||
		     test_bit(IP_TUNNEL_NOCACHE_BIT, info->key.tun_flags)))
		return false;
	key = &info->key;
	/* With the TOS of the packet within, each may have another way. */
	if (unlikely(key->tos == 1 || !key->u.ipv4.dst))
		return false;
	to[0] = (u64)(__force u32)key->u.ipv4.dst << 32 | (__force u32)key->u.ipv4.src;
	to[1] = (__force u64)key->tun_id;
	to[2] = (u64)key->flow_flags << 32 | (u32)key->ttl << 24 | (u32)key->tos << 16 |
		(key->tun_flags[0] & flags);
	return true;
}

/* Notes in @path that it is for what @skb asks for; false if none is to be kept for that. */
bool vpcnet_path_to(const struct sk_buff *skb, struct vpcnet_path *path)
{
	const unsigned long *flags;

	if (!vpcnet_asks(skb, path->to))
		return false;
	flags = skb_tunnel_info(skb)->key.tun_flags;
	path->to_tos = skb_tunnel_info(skb)->key.tos;
	path->to_ttl = skb_tunnel_info(skb)->key.ttl;
	path->to_plain = test_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, flags) &&
			 !test_bit(IP_TUNNEL_CSUM_BIT, flags);
	return true;
}

/*
 * The same where the path depends on the packet's metadata, of a device that
 * keeps 2^VPCNET_WAYS_BITS paths on each CPU, @stride bytes apart. Which one
 * that is follows from what is asked for; it is good if it was found for just
 * that. Its address is in the upper bits of the state, also if one is yet to be
 * kept there; none if the packet's path is its own.
 */
struct vpcnet_begin vpcnet_begin_to(struct sk_buff *skb, void __percpu *paths, size_t stride)
{
	struct vpcnet_begin begin = { .offset = vpcnet_this_offset() };
	enum vpcnet_begin_state state;
	u64 to[VPCNET_TO_WORDS], hash;
	struct vpcnet_path *path;

	BUILD_BUG_ON(__alignof__(*path) <= VPCNET_BEGIN_BAD_FRAME);
	begin.state = vpcnet_begin_frame(skb);
	if (unlikely(begin.state != VPCNET_BEGIN_NO_PATH) || !vpcnet_asks(skb, to))
		return begin;
	hash = (to[0] ^ rol64(to[1], 17) ^ rol64(to[2], 40)) * GOLDEN_RATIO_64 >>
	       (64 - VPCNET_WAYS_BITS);
	path = (__force void *)((__force unsigned long)paths + begin.offset) + hash * stride;
	begin.state |= (unsigned long)path;
	if (unlikely(path->to[0] != to[0] || path->to[1] != to[1] || path->to[2] != to[2]))
		return begin;
	/* It is worth identifications in advance, see vpcnet_ident(), if it stays that long. */
	path->kept = true;
	state = vpcnet_begin_path(skb, path);
	if (state == VPCNET_BEGIN_READY && unlikely(!path->to_plain))
		state = VPCNET_BEGIN_PATH;
	begin.state = (unsigned long)path | state;
	return begin;
}

/*
 * Makes @headroom bytes in front writable, and what is there inner headers if
 * there is work on them left to do. Negative: no memory; 1: there is; 0: there
 * is not.
 */
int vpcnet_prepare(struct sk_buff *skb, unsigned int headroom, unsigned int gso_type)
{
	int err = skb_cow_head(skb, headroom);

	if (unlikely(err))
		return err;
	if (likely(!skb_is_gso(skb) && skb->ip_summed != CHECKSUM_PARTIAL)) {
		skb->ip_summed = CHECKSUM_NONE;
		skb->encapsulation = 0;
		return 0;
	}
	err = iptunnel_handle_offloads(skb, gso_type);
	return unlikely(err) ? err : 1;
}

/* The outer headers stand at skb->data, their checksums zero. */
void vpcnet_headers_done(struct sk_buff *skb, unsigned int ip_len, unsigned int what)
{
	const bool v6 = ip_len == sizeof(struct ipv6hdr);
	struct gre_base_hdr *greh;

	skb_reset_network_header(skb);
	skb_set_transport_header(skb, ip_len);
	if (what & VPCNET_HDR_OFFLOAD)
		skb_set_inner_protocol(skb, htons(ETH_P_TEB));
	if (what & VPCNET_HDR_UDP) {
		const unsigned int len = skb->len - ip_len;
		const bool nocheck = !(what & VPCNET_HDR_UDP_CSUM);

		if (!v6)
			udp_set_csum(nocheck, skb, ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len);
#if IS_ENABLED(CONFIG_IPV6)
		else
			udp6_set_csum(nocheck, skb, &ipv6_hdr(skb)->saddr,
				      &ipv6_hdr(skb)->daddr, len);
#endif
		return;
	}
	if (!(what & VPCNET_HDR_GRE_CSUM))
		return;
	/* For GSO frames each segment gets its own, in gre_gso_segment(). */
	if (skb_shinfo(skb)->gso_type & (SKB_GSO_GRE | SKB_GSO_GRE_CSUM))
		return;
	greh = (struct gre_base_hdr *)skb_transport_header(skb);
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		*(__sum16 *)(greh + 1) = csum_fold(lco_csum(skb));
	} else {
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_transport_header(skb) - skb->head;
		skb->csum_offset = sizeof(*greh);
	}
}

/* Hooks of security modules have priorities of their own, by agreement. */
static bool vpcnet_is_lsm_hook(const struct nf_hook_ops *ops)
{
	return ops->hook_ops_type == NF_HOOK_OP_UNDEFINED &&
	       (ops->priority == NF_IP_PRI_SELINUX_FIRST ||
		ops->priority == NF_IP_PRI_SELINUX_LAST);
}

static __always_inline bool vpcnet_has_rules(const struct nf_hook_entries *entries)
{
	struct nf_hook_ops **ops;
	unsigned int i;

	if (!entries)
		return false;
	ops = nf_hook_entries_get_hook_ops(entries);
	for (i = 0; i < entries->num_hook_entries; i++) {
		if (!vpcnet_is_lsm_hook(ops[i]))
			return true;
	}
	return false;
}

/* Whether the host wants to see the packets that it sends. */
static __always_inline bool vpcnet_is_firewalled(const struct net *net, bool v6)
{
	struct nf_hook_entries __rcu *const *hooks = v6 ? net->nf.hooks_ipv6 : net->nf.hooks_ipv4;

	return vpcnet_has_rules(rcu_dereference(hooks[NF_INET_LOCAL_OUT])) ||
	       vpcnet_has_rules(rcu_dereference(hooks[NF_INET_POST_ROUTING]));
}

/* The next hop's entry, if a link layer header is at hand. */
static __always_inline struct neighbour *vpcnet_neigh(struct sk_buff *skb,
						      const struct dst_entry *dst,
						      struct net_device *dev, bool v6)
{
	struct neighbour *neigh;

	if (!v6) {
		const struct rtable *rt = dst_rtable(dst);

		if (unlikely(rt->rt_gw_family == AF_INET6))
			return NULL;
		neigh = __ipv4_neigh_lookup_noref(dev, (__force u32)
						  (rt->rt_gw_family ? rt->rt_gw4
								    : ip_hdr(skb)->daddr));
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		neigh = __ipv6_neigh_lookup_noref(dev, rt6_nexthop(dst_rt6_info(dst),
								   &ipv6_hdr(skb)->daddr));
#else
		neigh = NULL;
#endif
	}
	if (!neigh || !(READ_ONCE(neigh->nud_state) & NUD_CONNECTED) ||
	    !READ_ONCE(neigh->hh.hh_len))
		return NULL;
	return neigh;
}

/* neigh_hh_output() in as few steps as it takes where the header is a short one. */
static __always_inline int vpcnet_hh_output(struct sk_buff *skb, const struct hh_cache *hh)
{
	unsigned int seq, len;

	if (unlikely(skb_headroom(skb) < HH_DATA_MOD))
		return neigh_hh_output(hh, skb);
	do {
		seq = read_seqbegin(&hh->hh_lock);
		len = READ_ONCE(hh->hh_len);
		if (unlikely(len > HH_DATA_MOD))
			return neigh_hh_output(hh, skb);
		memcpy(skb->data - HH_DATA_MOD, hh->hh_data, HH_DATA_MOD);
	} while (read_seqretry(&hh->hh_lock, seq));
	__skb_push(skb, len);
	return dev_queue_xmit(skb);
}

/*
 * The host's statistics of IP are counted as the stack counts what it receives:
 * BH is off here, too, and no hard interrupt touches them.
 */
static __always_inline int vpcnet_output_direct(struct sk_buff *skb, struct net *net,
						const struct dst_entry *dst, struct net_device *dev,
						struct neighbour *neigh, bool v6)
{
	skb->dev = dev;
	if (!v6) {
		skb->protocol = htons(ETH_P_IP);
		__IP_UPD_PO_STATS(net, IPSTATS_MIB_OUT, skb->len);
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		struct inet6_dev *idev = ip6_dst_idev((struct dst_entry *)dst);

		skb->protocol = htons(ETH_P_IPV6);
		__IP6_UPD_PO_STATS(net, idev, IPSTATS_MIB_OUT, skb->len);
#endif
	}
	return vpcnet_hh_output(skb, &neigh->hh);
}

/* What __ip_local_out() and ip6_xmit() count: packets, before they are fragmented. */
static __always_inline void vpcnet_count_request(struct net *net, const struct dst_entry *dst,
						 bool v6)
{
	if (!v6)
		__IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#if IS_ENABLED(CONFIG_IPV6)
	else
		__IP6_INC_STATS(net, ip6_dst_idev((struct dst_entry *)dst), IPSTATS_MIB_OUTREQUESTS);
#endif
}

static int vpcnet_output_stack(struct sk_buff *skb, struct net *net, struct dst_entry *dst,
			       bool v6)
{
	dst_hold(dst);
	skb_dst_set(skb, dst);
#if IS_ENABLED(CONFIG_IPV6)
	if (v6) {
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
		return ip6_local_out(net, NULL, skb);
	}
#endif
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	return ip_local_out(net, NULL, skb);
}

/* What fragmentation hands each fragment to: @sk is the lane's. */
static int vpcnet_output_fragment(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	struct net_device *dev = dst_dev_rcu(dst);
	const bool v6 = skb->protocol == htons(ETH_P_IPV6);
	struct neighbour *neigh;

	if (sk)
		vpcnet_take_lane(skb, READ_ONCE(sk->sk_tx_queue_mapping));
	neigh = vpcnet_neigh(skb, dst, dev, v6);
	if (likely(neigh))
		return vpcnet_output_direct(skb, net, dst, dev, neigh, v6);
	return dst_output(net, NULL, skb);
}

/*
 * Fragments keep their lane only if they are made here, where no rule of the
 * host waits for the whole packet. The packet itself has no socket: what the
 * stack takes for fragments without a copy, it would account to it.
 */
static int vpcnet_fragment(struct sk_buff *skb, struct net *net, struct dst_entry *dst,
			   struct net_device *dev, struct sock *sk, bool v6)
{
	dst_hold(dst);
	skb_dst_set(skb, dst);
	skb->dev = dev;
#if IS_ENABLED(CONFIG_IPV6)
	if (v6) {
		skb->protocol = htons(ETH_P_IPV6);
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
		skb->ignore_df = 1;
		return ip6_fragment(net, sk, skb, vpcnet_output_fragment);
	}
#endif
	skb->protocol = htons(ETH_P_IP);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	return ip_do_fragment(net, sk, skb, vpcnet_output_fragment);
}

static bool vpcnet_fits(const struct sk_buff *skb, unsigned int mtu)
{
	if (skb_is_gso(skb))
		return skb_gso_validate_network_len(skb, mtu);
	return skb->len <= mtu;
}

/*
 * The body of vpcnet_output() and vpcnet_output_express(): what the latter
 * knows is a constant in it.
 */
static __always_inline int __vpcnet_output(struct sk_buff *skb, struct net *net,
					   struct vpcnet_path *path, unsigned int flags, u16 lane,
					   bool fits, bool v6)
{
	const bool keep = flags & VPCNET_OUT_KEEP_LANE;
	struct dst_entry *dst = path->dst;
	struct net_device *dev = dst_dev_rcu(dst);
	struct neighbour *neigh;
	bool direct;
	int err;

	dev_xmit_recursion_inc();

	skb_reset_network_header(skb);
	skb_scrub_packet(skb, !net_eq(dev_net(skb->dev), net));
	skb_clear_hash_if_not_l4(skb);
	if (likely(keep)) {
		unsigned int queues = path->stacked ? path->queues
						    : READ_ONCE(dev->real_num_tx_queues);

		if (unlikely(lane >= queues))
			lane = queues ? lane % queues : 0;
	}
	if (likely(keep && fits)) {
		vpcnet_take_lane(skb, lane);
	} else {
		if (!fits)
			skb_orphan(skb);
		skb_set_queue_mapping(skb, 0);
	}

	direct = path->direct && !(flags & VPCNET_OUT_STACK) &&
		 ((flags & VPCNET_OUT_DIRECT) || !vpcnet_is_firewalled(net, v6));
	neigh = likely(direct && fits) ? vpcnet_neigh(skb, dst, dev, v6) : NULL;
	if (likely(neigh)) {
		vpcnet_count_request(net, dst, v6);
		err = vpcnet_output_direct(skb, net, dst, dev, neigh, v6);
	} else if (direct && !fits && !skb_is_gso(skb)) {
		vpcnet_count_request(net, dst, v6);
		err = vpcnet_fragment(skb, net, dst, dev, keep ? vpcnet_lane_sock(lane) : NULL, v6);
	} else {
		skb->ignore_df = v6;
		err = vpcnet_output_stack(skb, net, dst, v6);
	}

	dev_xmit_recursion_dec();
	return net_xmit_eval(err);
}

/*
 * Sends a packet that begins with its outer IP header; only one that may be
 * fragmented is longer than the path's MTU. Takes the skb, and leaves @path
 * alone. Returns net_xmit codes.
 */
int vpcnet_output(struct sk_buff *skb, struct net *net, struct vpcnet_path *path,
		  unsigned int flags, u16 lane)
{
	return __vpcnet_output(skb, net, path, flags, lane, vpcnet_fits(skb, path->mtu), path->v6);
}

/* The same for a packet over IPv4 that fits and keeps its lane. */
int vpcnet_output_express(struct sk_buff *skb, struct net *net, struct vpcnet_path *path,
			  unsigned int flags, u16 lane)
{
	return __vpcnet_output(skb, net, path, flags | VPCNET_OUT_KEEP_LANE, lane, true, false);
}

/*
 * Takes note that @mtu bytes of IP is what fits behind @headers bytes in front
 * of it, and with @tell tells the sender of the inner packet. Where that came
 * over a bridge there is no route back, so the answer is made out of it, and
 * comes in by @dev as from the other end. True if so, and the packet gone.
 */
bool vpcnet_too_big(struct sk_buff *skb, struct net_device *dev, const struct vpcnet_path *path,
		    unsigned int headers, unsigned int mtu, bool tell)
{
	if (netif_is_any_bridge_port(dev)) {
		if (!tell || skb_tunnel_check_pmtu(skb, path->dst, headers, true) <= 0)
			return false;
		if (skb_tunnel_info(skb)) {
			struct ip_tunnel_info *own = skb_tunnel_info_unclone(skb);

			if (unlikely(!own))
				return false;
			/* For who takes it on the bridge: it has come from there. */
			own->mode &= ~IP_TUNNEL_INFO_TX;
			/* The source may have been left to the route. */
			if (ip_tunnel_info_af(own) == AF_INET6) {
				own->key.u.ipv6.src = own->key.u.ipv6.dst;
				own->key.u.ipv6.dst = path->local;
			} else {
				own->key.u.ipv4.src = own->key.u.ipv4.dst;
				own->key.u.ipv4.dst = path->local.s6_addr32[0];
			}
		}
		skb->protocol = eth_type_trans(skb, dev);
		/* A transmit queue is no receive queue. */
		skb_set_queue_mapping(skb, 0);
		netif_rx(skb);
		return true;
	}
	/* This host's own: what it may fragment, it does with the next one. */
	if (skb_valid_dst(skb))
		skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (!tell)
		return false;
	if (skb->protocol == htons(ETH_P_IP)) {
		/* icmp_ndo_send() looks at the options in the control block. */
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	}
	return false;
}
