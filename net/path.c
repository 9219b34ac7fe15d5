// SPDX-License-Identifier: GPL-2.0
/*
 * Routes of outer packets, with what encapsulation wants to know of them.
 */
#include "output.h"

#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ndisc.h>
#include <net/route.h>

/* What may change while a route stays the same. */
void vpcnet_path_refresh(struct vpcnet_path *path)
{
	struct net_device *dev = dst_dev_rcu(path->dst);

	path->tick = jiffies;
	path->mtu = dst_mtu(path->dst);
	path->stacked = !list_empty(&dev->adj_list.lower);
	path->queues = vpcnet_lowest_queues(dev);
#if IS_ENABLED(CONFIG_IPV6)
	if (path->v6) {
		path->hoplimit = ip6_dst_hoplimit(path->dst);
	} else
#endif
	{
		path->hoplimit = ip4_dst_hoplimit(path->dst);
		path->mtu_locked = ip_mtu_locked(path->dst);
	}
	path->plain = path->plain_headers && !path->mtu_locked;
}

static bool vpcnet_path_is_direct(const struct dst_entry *dst, const struct net_device *dev,
				  bool v6)
{
#ifdef CONFIG_XFRM
	if (dst->xfrm)
		return false;
#endif
	if (dst->lwtstate || dst->error || netif_is_l3_slave(dev) || netif_is_l3_master(dev) ||
	    !dev->header_ops || !dev->header_ops->cache)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (v6)
		return dst->output == ip6_output &&
		       !(dst_rt6_info(dst)->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST));
#endif
	return dst->output == ip_output &&
	       !(dst_rtable(dst)->rt_flags & (RTCF_LOCAL | RTCF_BROADCAST | RTCF_MULTICAST));
}

static struct dst_entry *vpcnet_lookup4(struct net *net, struct dst_cache *cache,
					const struct vpcnet_flow *flow, struct vpcnet_path *out)
{
	struct rtable *rt = NULL;
	struct flowi4 fl4;

	if (cache)
		rt = dst_cache_get_ip4(cache, &fl4.saddr);
	if (!rt) {
		ip_tunnel_init_flow(&fl4, flow->proto, flow->remote.s6_addr32[0],
				    flow->local.s6_addr32[0], flow->key,
				    flow->tos & INET_DSCP_MASK, net, flow->oif, flow->mark,
				    flow->hash, flow->flow_flags);
		if (flow->proto == IPPROTO_UDP) {
			fl4.fl4_sport = flow->sport;
			fl4.fl4_dport = flow->dport;
		}
		rt = ip_route_output_key(net, &fl4);
		if (IS_ERR(rt))
			return ERR_CAST(rt);
		if (cache)
			dst_cache_set_ip4(cache, &rt->dst, fl4.saddr);
	}
	out->local.s6_addr32[0] = fl4.saddr;
	return &rt->dst;
}

static struct dst_entry *vpcnet_lookup6(struct net *net, struct dst_cache *cache,
					const struct vpcnet_flow *flow, struct vpcnet_path *out)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct dst_entry *dst = NULL;
	struct flowi6 fl6;

	if (cache)
		dst = dst_cache_get_ip6(cache, &fl6.saddr);
	if (!dst) {
		memset(&fl6, 0, sizeof(fl6));
		fl6.daddr = flow->remote;
		fl6.saddr = flow->local;
		fl6.flowi6_proto = flow->proto;
		fl6.flowi6_oif = flow->oif;
		fl6.flowi6_mark = flow->mark;
		fl6.flowlabel = ip6_make_flowinfo(flow->tos & INET_DSCP_MASK, flow->flowlabel);
		fl6.mp_hash = flow->hash;
		if (flow->proto == IPPROTO_UDP) {
			fl6.fl6_sport = flow->sport;
			fl6.fl6_dport = flow->dport;
		} else {
			fl6.fl6_gre_key = flow->key;
		}
		dst = ip6_dst_lookup_flow(net, NULL, &fl6, NULL);
		if (IS_ERR(dst))
			return dst;
		if (cache)
			dst_cache_set_ip6(cache, dst, &fl6.saddr);
	}
	out->local = fl6.saddr;
	out->cookie = rt6_get_cookie(dst_rt6_info(dst));
	return dst;
#else
	return ERR_PTR(-EAFNOSUPPORT);
#endif
}

int vpcnet_path_lookup(struct net *net, struct dst_cache *cache, const struct vpcnet_flow *flow,
		       struct vpcnet_path *out)
{
	struct net_device *dev;
	struct dst_entry *dst;

	memset(out, 0, sizeof(*out));
	out->v6 = flow->v6;
	dst = flow->v6 ? vpcnet_lookup6(net, cache, flow, out)
		       : vpcnet_lookup4(net, cache, flow, out);
	if (IS_ERR(dst))
		return PTR_ERR(dst);

	out->dst = dst;
	out->remote = flow->remote;
	out->proto = flow->proto;
	rcu_read_lock();
	dev = dst_dev_rcu(dst);
	out->headroom = LL_RESERVED_SPACE(dev) + dst->header_len;
	out->direct = vpcnet_path_is_direct(dst, dev, flow->v6);
	vpcnet_path_refresh(out);
	rcu_read_unlock();
	return 0;
}

struct net_device *vpcnet_path_dev(const struct vpcnet_path *path)
{
	return dst_dev_rcu(path->dst);
}

u32 vpcnet_path_dev_mtu(const struct vpcnet_path *path)
{
	u32 mtu;

	rcu_read_lock();
	mtu = READ_ONCE(dst_dev_rcu(path->dst)->mtu);
	rcu_read_unlock();
	return mtu;
}

/*
 * An identification for a packet that may be fragmented, out of a block of this
 * CPU's: the counter behind it is shared by all that goes to the same host.
 */
u16 vpcnet_ident(struct net *net, struct vpcnet_path *path, const struct sk_buff *skb,
		 unsigned int block)
{
	const u16 want = skb_shinfo(skb)->gso_segs ?: 1;
	u16 ident;

	if (path->idents < want) {
		struct iphdr iph = {
			.saddr = path->local.s6_addr32[0],
			.daddr = path->remote.s6_addr32[0],
			.protocol = path->proto,
		};

		path->idents = max_t(u16, want, block);
		__ip_select_ident(net, &iph, path->idents);
		path->ident = ntohs(iph.id);
	}
	ident = path->ident;
	path->ident += want;
	path->idents -= want;
	return ident;
}
