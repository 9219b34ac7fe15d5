// SPDX-License-Identifier: GPL-2.0
/*
 * What is done with packets on receive, from a netfilter hook or a UDP socket
 * to the delivery of the frame within.
 */
#include "receive.h"

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <net/busy_poll.h>
#include <net/dst_metadata.h>
#include <net/gre.h>
#include <net/inet_ecn.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "helpers.h"

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
 * protocol's handler, see ip_local_deliver_finish() and ip6_input_finish().
 * NF_ACCEPT: the packet may be taken; anything else is the verdict on it.
 */
unsigned int vpcnet_steal(struct sk_buff *skb, bool v6)
{
	const unsigned int verdict = vpcnet_ct_confirm(skb);

	if (verdict != NF_ACCEPT)
		return verdict;
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return NF_DROP;
	skb_clear_delivery_time(skb);
	if (v6)
		return xfrm6_policy_check(NULL, XFRM_POLICY_IN, skb) ? NF_ACCEPT : NF_DROP;
	return xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb) ? NF_ACCEPT : NF_DROP;
}

/*
 * Carries the outer ECN over to the IP header of a frame, also behind VLAN
 * tags. The frame is as eth_type_trans() leaves it.
 */
static enum vpcnet_rx vpcnet_ecn_decapsulate(struct sk_buff *skb, u8 outer_tos)
{
	const struct iphdr outer = { .tos = outer_tos };
	enum vpcnet_rx result = VPCNET_RX_OK;
	unsigned int len;
	__be16 proto;
	int depth;

	__skb_push(skb, ETH_HLEN);
	skb->mac_len = ETH_HLEN;
	proto = vlan_get_protocol_and_depth(skb, skb->protocol, &depth);
	if (proto == htons(ETH_P_IP))
		len = depth + sizeof(struct iphdr);
	else if (proto == htons(ETH_P_IPV6))
		len = depth + sizeof(struct ipv6hdr);
	else
		goto out;
	if (!pskb_may_pull(skb, len))
		goto out;
	/* Others may hold a clone, as packet taps do. */
	if (skb_ensure_writable(skb, len)) {
		result = VPCNET_RX_NO_MEMORY;
		goto out;
	}
	skb_set_network_header(skb, depth);
	/* 0: fine; 1: wrong but harmless; 2: to be dropped (RFC 6040, figure 4) */
	if (IP_ECN_decapsulate(&outer, skb) > 1)
		result = VPCNET_RX_ECN;
out:
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	return result;
}

/* Whether GRO has seen @skb when the uplink received it. */
static bool vpcnet_gro_was_on(const struct sk_buff *skb)
{
#ifdef CONFIG_NET_RX_BUSY_POLL
	return napi_id_valid(READ_ONCE(skb->napi_id)) && !netif_elide_gro(skb->dev);
#else
	return false;
#endif
}

/*
 * Takes the outer headers off a packet that @dev receives, and the Ethernet
 * header of the frame, as eth_type_trans() does. Forgets the recorded queue.
 */
enum vpcnet_rx vpcnet_decap_l2(struct sk_buff *skb, struct net_device *dev,
			       struct vpcnet_around *around)
{
	const unsigned int len = around->gre_len + ETH_HLEN;
	const void *start;

	around->gro_was_on = vpcnet_gro_was_on(skb);
	around->offset = vpcnet_this_offset();
	if (unlikely(!pskb_may_pull(skb, around->outer_len + around->gre_len)))
		return VPCNET_RX_NO_MEMORY;
	start = skb->data;
	__skb_pull(skb, around->outer_len);
	if (around->outer_summed)
		skb_postpull_rcsum(skb, start, around->outer_len);

	if (unlikely(around->csum)) {
		if (skb_checksum_simple_validate(skb))
			return VPCNET_RX_CSUM;
		skb_checksum_try_convert(skb, IPPROTO_GRE, null_compute_pseudo);
	}
	if (unlikely(skb->len < len))
		return VPCNET_RX_SHORT;
	if (unlikely(!pskb_may_pull(skb, len)))
		return VPCNET_RX_NO_MEMORY;
	start = skb->data;
	__skb_pull(skb, around->gre_len);
	skb_postpull_rcsum(skb, start, around->gre_len);

	if (unlikely(iptunnel_pull_offloads(skb)))
		return VPCNET_RX_NO_MEMORY;
	skb_clear_hash_if_not_l4(skb);
	__vlan_hwaccel_clear_tag(skb);
	skb_scrub_packet(skb, around->cross_netns);

	skb->protocol = eth_type_trans(skb, dev);
	skb_postpull_rcsum(skb, eth_hdr(skb), ETH_HLEN);
	skb_reset_network_header(skb);
	if (unlikely(!pskb_inet_may_pull(skb)))
		return VPCNET_RX_INNER;
	/* Without ECN outside there is nothing to carry over. */
	if (likely(INET_ECN_is_not_ect(around->tos)))
		return VPCNET_RX_OK;
	return vpcnet_ecn_decapsulate(skb, around->tos);
}

/*
 * Whether the detour over GRO would bring @skb nothing. Of what did not go
 * through GRO together with its outer headers, TCP is worth it, and UDP where
 * the device is told so; what we do not know may be. All packets of a flow get
 * one answer, or they would overtake each other.
 */
static bool vpcnet_gro_is_over(const struct sk_buff *skb, bool gro_was_on)
{
	const netdev_features_t udp = NETIF_F_GRO_FRAGLIST | NETIF_F_GRO_UDP_FWD;
	u8 protocol;

	if (gro_was_on || netif_elide_gro(skb->dev))
		return true;
	if (skb->protocol == htons(ETH_P_IP))
		protocol = ip_hdr(skb)->protocol;
	else if (skb->protocol == htons(ETH_P_IPV6))
		protocol = ipv6_hdr(skb)->nexthdr;
	else
		return skb->protocol == htons(ETH_P_ARP);
	switch (protocol) {
	case IPPROTO_UDP:
		return !(skb->dev->features & udp);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

/*
 * The transport header is still that of the outer packet: those who come next
 * find the frame's own. Of a frame to be segmented they rely on it at once; it
 * is where the checksum begins that is left to do, or else looked for.
 */
static void vpcnet_set_transport_header(struct sk_buff *skb)
{
	int start;

	/* "Not set"; not all kernels have a word for it. */
	skb->transport_header = (typeof(skb->transport_header))~0U;
	if (likely(!skb_is_gso(skb)))
		return;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		start = skb_checksum_start_offset(skb);
		if (start >= 0 && start < skb_headlen(skb)) {
			skb_set_transport_header(skb, start);
			return;
		}
	}
	skb_probe_transport_header(skb);
}

/* Whether a frame of this CPU is being delivered from within our receive path. */
static DEFINE_PER_CPU(bool, vpcnet_delivering);

/*
 * Hands a frame to the stack; at once, where the detour over GRO would bring
 * nothing. A frame within a frame within a frame takes the detour, too, since
 * it would use up the stack of this CPU.
 */
void vpcnet_deliver_l2(struct sk_buff *skb, struct gro_cells *cells, struct metadata_dst *md,
		       u16 queue_mapping, bool gro_was_on)
{
	if (md)
		skb_dst_set(skb, &md->dst);
	skb->queue_mapping = queue_mapping;
	vpcnet_set_transport_header(skb);
	if (unlikely(__this_cpu_read(vpcnet_delivering)) || !vpcnet_gro_is_over(skb, gro_was_on)) {
		gro_cells_receive(cells, skb);
		return;
	}
	__this_cpu_write(vpcnet_delivering, true);
	netif_receive_skb(skb);
	__this_cpu_write(vpcnet_delivering, false);
}

/*
 * What follows the headers of an IPv6 packet in LOCAL_IN that the stack has
 * been through by then: the fixed one and hop-by-hop options.
 */
unsigned int vpcnet_ip6_payload(const struct sk_buff *skb, u8 *protocol)
{
	*protocol = skb_network_header(skb)[IP6CB(skb)->nhoff];
	return skb_transport_offset(skb);
}

/* Index of the link that an IPv6 packet came by; inside of a VRF, too. */
int vpcnet_ip6_iif(const struct sk_buff *skb)
{
	return inet6_iif(skb);
}

const u8 *vpcnet_network_header(const struct sk_buff *skb)
{
	return skb_network_header(skb);
}

/* Leaves the packet's own notes about its checksum as they are. */
bool vpcnet_icmp_csum_ok(const struct sk_buff *skb, unsigned int offset, bool v6)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);
	unsigned int len;
	__wsum sum;

	if (skb_csum_unnecessary(skb))
		return true;
	if (skb->len < offset)
		return false;
	len = skb->len - offset;
	sum = skb_checksum(skb, offset, len, 0);
	if (v6)
		return !csum_ipv6_magic(&ip6->saddr, &ip6->daddr, len, IPPROTO_ICMPV6, sum);
	return !csum_fold(sum);
}

/* As icmp_unreach() does, depending on net.ipv4.ip_no_pmtu_disc. */
static void vpcnet_learn_pmtu4(struct net *net, struct sk_buff *skb, u32 mtu, int oif)
{
	const u8 protocol = ((const struct iphdr *)skb->data)->protocol;

	switch (READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc)) {
	case 0:
		break;
	case 1:
		/* As little as there is. */
		mtu = 0;
		break;
	default:
		return;
	}
	ipv4_update_pmtu(skb, net, mtu, oif, protocol);
}

/*
 * Takes note that no more than @mtu bytes fit on the way of the packet that an
 * ICMP error quotes at @offset, as the handlers of ip_gre and ip6_gre do.
 */
void vpcnet_learn_pmtu(struct net *net, struct sk_buff *skb, unsigned int offset, bool v6, u32 mtu,
		       int oif)
{
	const unsigned int len = offset + (v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (!pskb_may_pull(skb, len))
		return;
	/* Both look at the quoted header at skb->data. */
	__skb_pull(skb, offset);
	if (!v6)
		vpcnet_learn_pmtu4(net, skb, mtu, oif);
	else if (IS_ENABLED(CONFIG_IPV6))
		ip6_update_pmtu(skb, net, htonl(mtu), oif, 0, sock_net_uid(net, NULL));
	__skb_push(skb, offset);
}
