// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: what is inline there, made callable.
 */
#include "genl.h"

struct net *vpcnet_genl_net(const struct genl_info *info)
{
	return genl_info_net(info);
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

bool vpcnet_genl_event_new(const struct genl_family *family, u8 cmd, size_t size,
			   struct vpcnet_genl_message *out)
{
	out->skb = genlmsg_new(size, GFP_KERNEL);
	if (!out->skb)
		return false;
	out->header = genlmsg_put(out->skb, 0, 0, family, 0, cmd);
	return true;
}

void vpcnet_genl_event_send(const struct genl_family *family, struct net *net,
			    const struct vpcnet_genl_message *message, unsigned int group)
{
	genlmsg_end(message->skb, message->header);
	/* That nobody listens is no error. */
	genlmsg_multicast_netns(family, net, message->skb, 0, group, GFP_KERNEL);
}

bool vpcnet_genl_dump_new(const struct genl_family *family, struct sk_buff *skb,
			  struct netlink_callback *cb, u8 cmd, struct vpcnet_genl_message *out)
{
	out->skb = skb;
	out->header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, family,
				  NLM_F_MULTI, cmd);
	return out->header;
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
