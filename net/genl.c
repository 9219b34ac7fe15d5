// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: what is inline there, made callable.
 */
#include "genl.h"

struct net *vpcnet_genl_net(const struct genl_info *info)
{
	return genl_info_net(info);
}

/* The socket that a request comes from, which the caller's system call keeps. */
struct sock *vpcnet_genl_sock(const struct sk_buff *request)
{
	return NETLINK_CB(request).sk;
}

void vpcnet_sock_hold(struct sock *sk)
{
	sock_hold(sk);
}

void vpcnet_sock_put(struct sock *sk)
{
	sock_put(sk);
}

bool vpcnet_sock_is_closed(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DEAD);
}

/* Whether who asks may configure the network of the whole host. */
bool vpcnet_is_host_admin(void)
{
	return capable(CAP_NET_ADMIN);
}

bool vpcnet_genl_reply_new(struct genl_info *info, u8 cmd, size_t size,
			   struct vpcnet_genl_message *out)
{
	out->skb = genlmsg_new(size, GFP_KERNEL);
	if (!out->skb)
		return false;
	out->header = genlmsg_put_reply(out->skb, info, info->family, 0, cmd);
	return true;
}

int vpcnet_genl_reply_send(struct genl_info *info, const struct vpcnet_genl_message *message)
{
	genlmsg_end(message->skb, message->header);
	return genlmsg_reply(message->skb, info);
}

bool vpcnet_genl_event_new(const struct genl_family *family, u8 cmd, size_t size, bool atomic,
			   struct vpcnet_genl_message *out)
{
	out->skb = genlmsg_new(size, atomic ? GFP_ATOMIC : GFP_KERNEL);
	if (!out->skb)
		return false;
	out->header = genlmsg_put(out->skb, 0, 0, family, 0, cmd);
	return true;
}

void vpcnet_genl_event_send(const struct genl_family *family, struct net *net,
			    const struct vpcnet_genl_message *message, unsigned int group,
			    bool atomic)
{
	genlmsg_end(message->skb, message->header);
	/* That nobody listens is no error. */
	genlmsg_multicast_netns(family, net, message->skb, 0, group,
				atomic ? GFP_ATOMIC : GFP_KERNEL);
}

bool vpcnet_genl_has_listeners(const struct genl_family *family, struct net *net,
			       unsigned int group)
{
	return genl_has_listeners(family, net, group);
}

/* The attributes of a request as they came. */
const void *vpcnet_genl_attrs(const struct genl_info *info, u32 *len)
{
	*len = genlmsg_len(info->genlhdr);
	return genlmsg_data(info->genlhdr);
}

bool vpcnet_genl_dump_new(const struct genl_family *family, struct sk_buff *skb,
			  struct netlink_callback *cb, u8 cmd, struct vpcnet_genl_message *out)
{
	out->skb = skb;
	out->header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, family,
				  NLM_F_MULTI, cmd);
	if (!out->header)
		return false;
	if (cb->seq)
		genl_dump_check_consistent(cb, out->header);
	return true;
}

/*
 * What is dumped is as of @seq; if a later call says otherwise, the reader is
 * told that it has seen parts of two states (NLM_F_DUMP_INTR).
 */
void vpcnet_genl_dump_seq(struct netlink_callback *cb, u32 seq)
{
	cb->seq = seq ?: 1;
}

void vpcnet_genl_dump_end(const struct vpcnet_genl_message *message)
{
	genlmsg_end(message->skb, message->header);
}

void vpcnet_genl_dump_cancel(const struct vpcnet_genl_message *message)
{
	genlmsg_cancel(message->skb, message->header);
}

struct net *vpcnet_genl_dump_net(const struct netlink_callback *cb)
{
	return sock_net(cb->skb->sk);
}

void vpcnet_genl_free(const struct vpcnet_genl_message *message)
{
	nlmsg_free(message->skb);
}

struct nlattr *vpcnet_nest_start(struct sk_buff *skb, int kind)
{
	return nla_nest_start(skb, kind);
}

void vpcnet_nest_end(struct sk_buff *skb, struct nlattr *nest)
{
	nla_nest_end(skb, nest);
}
