// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnel metadata of packets, taken apart for transmit and made on receive.
 */
#include "helpers.h"

#include <net/dst_metadata.h>
#include <net/ip_tunnels.h>

/*
 * The outer addressing that @skb brings along for transmit, with its route
 * cache, if it may be used. False if there is none that a GRE device serves.
 */
bool vpcnet_tun_tx_key(struct sk_buff *skb, struct vpcnet_tun_key *out, struct dst_cache **cache)
{
	struct ip_tunnel_info *info = skb_tunnel_info(skb);
	const struct ip_tunnel_key *key;

	if (!info || !(info->mode & IP_TUNNEL_INFO_TX) || info->encap.type != TUNNEL_ENCAP_NONE)
		return false;

	key = &info->key;
	*out = (struct vpcnet_tun_key) {
		.v6 = ip_tunnel_info_af(info) == AF_INET6,
		.key = tunnel_id_to_key32(key->tun_id),
		.label = key->label,
		.tos = key->tos,
		.ttl = key->ttl,
		.flow_flags = key->flow_flags,
		.has_key = test_bit(IP_TUNNEL_KEY_BIT, key->tun_flags),
		.csum = test_bit(IP_TUNNEL_CSUM_BIT, key->tun_flags),
		.df = test_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, key->tun_flags),
	};
	if (out->v6) {
		if (ipv6_addr_any(&key->u.ipv6.dst))
			return false;
		memcpy(out->remote, &key->u.ipv6.dst, sizeof(out->remote));
		memcpy(out->local, &key->u.ipv6.src, sizeof(out->local));
	} else {
		if (!key->u.ipv4.dst)
			return false;
		out->remote[0] = key->u.ipv4.dst;
		out->local[0] = key->u.ipv4.src;
	}
	*cache = ip_tunnel_dst_cache_usable(skb, info) ? &info->dst_cache : NULL;
	return true;
}

/* The metadata of a received packet; NULL if memory is short. */
struct metadata_dst *vpcnet_tun_rx_dst(const struct vpcnet_tun_key *key)
{
	const __be64 id = key32_to_tunnel_id(key->key);
	IP_TUNNEL_DECLARE_FLAGS(flags) = { };
	struct metadata_dst *md;
	struct in6_addr remote, local;

	__assign_bit(IP_TUNNEL_KEY_BIT, flags, key->has_key);
	__assign_bit(IP_TUNNEL_CSUM_BIT, flags, key->csum);
	__assign_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, flags, key->df);
	if (key->v6) {
		memcpy(&remote, key->remote, sizeof(remote));
		memcpy(&local, key->local, sizeof(local));
		md = __ipv6_tun_set_dst(&remote, &local, key->tos, key->ttl, 0, key->label, flags,
					id, 0);
	} else {
		md = __ip_tun_set_dst(key->remote[0], key->local[0], key->tos, key->ttl, 0, flags,
				      id, 0);
	}
	if (!md)
		return NULL;
	md->u.tun_info.key.tp_src = key->sport;
	md->u.tun_info.key.tp_dst = key->dport;
	return md;
}

void vpcnet_metadata_hold(struct metadata_dst *md)
{
	dst_hold(&md->dst);
}
