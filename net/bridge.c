// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that ports of bridges receive, and what becomes of them. The Ethernet
 * header has been taken off: data is behind it.
 */
#include "bridge.h"
#include "helpers.h"

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <net/ip_tunnels.h>

static __always_inline void vpcnet_look(const struct sk_buff *skb, struct vpcnet_frame *out)
{
	out->start = skb_mac_header(skb);
	out->linear = skb_headlen(skb) + ETH_HLEN;
	out->len = skb->len + ETH_HLEN;
	out->ifindex = skb->dev->ifindex;
	out->offset = vpcnet_this_offset();
	out->tagged = skb_vlan_tag_present(skb);
	out->sum = 0;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		const int start = skb_checksum_start_offset(skb) + ETH_HLEN;
		const int field = start + skb->csum_offset;

		/* Where no protocol has it, if it is none of the frame's bytes. */
		out->sum = start > 0 && field <= U16_MAX ? (u32)start << 16 | field : 1;
	}
}

void vpcnet_frame_look(const struct sk_buff *skb, struct vpcnet_frame *out)
{
	vpcnet_look(skb, out);
}

/* Whether a frame that a device has received may be handled, which is looked at then. */
enum vpcnet_intake_state vpcnet_intake(const struct sk_buff *skb, struct vpcnet_frame *out)
{
	/* The host's own, which has come back without an Ethernet header. */
	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return VPCNET_INTAKE_HOSTS;
	if (unlikely(!netif_is_bridge_port(skb->dev)))
		return VPCNET_INTAKE_NO_BRIDGE;
	/* Whoever was here before has made something else of it. */
	if (unlikely(skb->data - skb_mac_header(skb) != ETH_HLEN))
		return VPCNET_INTAKE_NO_FRAME;
	if (unlikely(skb_shared(skb)))
		return VPCNET_INTAKE_SHARED;
	vpcnet_look(skb, out);
	return VPCNET_INTAKE_OURS;
}

/* Has @len bytes of the frame in one piece, if it has so many. */
bool vpcnet_frame_pull(struct sk_buff *skb, u32 len)
{
	return len <= ETH_HLEN || pskb_may_pull(skb, len - ETH_HLEN);
}

/* Has @len bytes of the frame in one piece that may be written. */
bool vpcnet_frame_writable(struct sk_buff *skb, u32 len)
{
	bool ok;

	__skb_push(skb, ETH_HLEN);
	ok = !skb_ensure_writable(skb, len);
	__skb_pull(skb, ETH_HLEN);
	return ok;
}

/* Writes the checksum that a frame is still to get; false if that cannot be done. */
bool vpcnet_frame_sum(struct sk_buff *skb)
{
	return !skb_is_gso(skb) && skb_checksum_start_offset(skb) >= 0 && !skb_checksum_help(skb);
}

bool vpcnet_came_by(struct sk_buff *skb, struct vpcnet_came_by *out)
{
	const struct ip_tunnel_info *info = skb_tunnel_info(skb);

	if (!info || (info->mode & IP_TUNNEL_INFO_TX) ||
	    !test_bit(IP_TUNNEL_KEY_BIT, info->key.tun_flags))
		return false;
	out->v6 = ip_tunnel_info_af(info) == AF_INET6;
	out->key = ntohl(tunnel_id_to_key32(info->key.tun_id));
	if (out->v6) {
		memcpy(out->remote, &info->key.u.ipv6.src, sizeof(out->remote));
	} else {
		memset(out->remote, 0, sizeof(out->remote));
		out->remote[0] = info->key.u.ipv4.src;
	}
	return true;
}

/* Metadata that sends frames to @remote; NULL if memory is short. Process context. */
struct metadata_dst *vpcnet_tx_metadata(const __be32 *remote, bool v6, u32 key)
{
	struct metadata_dst *md = metadata_dst_alloc(0, METADATA_IP_TUNNEL, GFP_KERNEL_ACCOUNT);
	struct ip_tunnel_info *info;

	if (!md)
		return NULL;
	info = &md->u.tun_info;
	info->mode = IP_TUNNEL_INFO_TX;
	info->key.tun_id = key32_to_tunnel_id(htonl(key));
	__set_bit(IP_TUNNEL_KEY_BIT, info->key.tun_flags);
	__set_bit(IP_TUNNEL_DONT_FRAGMENT_BIT, info->key.tun_flags);
	if (v6) {
		info->mode |= IP_TUNNEL_INFO_IPV6;
		memcpy(&info->key.u.ipv6.dst, remote, sizeof(info->key.u.ipv6.dst));
	} else {
		info->key.u.ipv4.dst = remote[0];
	}
	return md;
}

/*
 * Sends a frame of the bridge by @dev, with a reference of @md if that is not
 * NULL; its lane goes with it. What the bridge does when it forwards, see
 * __br_forward() and br_dev_queue_push_xmit(). Consumes @skb; the result is that of
 * dev_queue_xmit().
 */
int vpcnet_send_frame(struct sk_buff *skb, struct net_device *dev, struct metadata_dst *md)
{
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_forward_csum(skb);
	skb_clear_tstamp(skb);
	__skb_push(skb, ETH_HLEN);
	if (md) {
		dst_hold(&md->dst);
		skb_dst_set(skb, &md->dst);
	} else if (unlikely(!is_skb_forwardable(dev, skb))) {
		kfree_skb_reason(skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return NET_XMIT_DROP;
	}
	if (unlikely(skb->ip_summed == CHECKSUM_PARTIAL && eth_type_vlan(skb->protocol))) {
		int depth;

		if (!vlan_get_protocol_and_depth(skb, skb->protocol, &depth)) {
			kfree_skb(skb);
			return NET_XMIT_DROP;
		}
		skb_set_network_header(skb, depth);
	}
	skb->dev = dev;
	return dev_queue_xmit(skb);
}

void vpcnet_consume(struct sk_buff *skb)
{
	consume_skb(skb);
}

struct sk_buff *vpcnet_clone(struct sk_buff *skb)
{
	return skb_clone(skb, GFP_ATOMIC);
}

/* A frame made of @bytes, as the bridge has frames, that leaves by @dev. */
struct sk_buff *vpcnet_new_frame(struct net_device *dev, const u8 *bytes, u32 len, u16 queue)
{
	struct sk_buff *skb = netdev_alloc_skb_ip_align(dev, len);

	if (!skb)
		return NULL;
	skb_put_data(skb, bytes, len);
	skb->protocol = eth_type_trans(skb, dev);
	skb_reset_network_header(skb);
	skb->queue_mapping = queue;
	return skb;
}

u32 vpcnet_state_in(const struct nf_hook_state *state)
{
	return state->in ? state->in->ifindex : 0;
}

u32 vpcnet_state_out(const struct nf_hook_state *state)
{
	return state->out ? state->out->ifindex : 0;
}
