/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink: what is inline there.
 */
#ifndef VPCNET_GENL_H
#define VPCNET_GENL_H

#include <net/genetlink.h>
#include <net/sock.h>

/*
 * A message that is being built: what vpcnet_genl_*_new() returns is sent, or
 * freed by vpcnet_genl_free(). Process context.
 */
struct vpcnet_genl_message {
	struct sk_buff *skb;
	void *header;
};

struct net *vpcnet_genl_net(const struct genl_info *info);
struct sock *vpcnet_genl_sock(const struct sk_buff *request);
void vpcnet_sock_hold(struct sock *sk);
void vpcnet_sock_put(struct sock *sk);
bool vpcnet_sock_is_closed(const struct sock *sk);
bool vpcnet_is_host_admin(void);
bool vpcnet_genl_reply_new(struct genl_info *info, u8 cmd, size_t size,
			   struct vpcnet_genl_message *out);
int vpcnet_genl_reply_send(struct genl_info *info, const struct vpcnet_genl_message *message);
bool vpcnet_genl_event_new(const struct genl_family *family, u8 cmd, size_t size, bool atomic,
			   struct vpcnet_genl_message *out);
void vpcnet_genl_event_send(const struct genl_family *family, struct net *net,
			    const struct vpcnet_genl_message *message, unsigned int group,
			    bool atomic);
bool vpcnet_genl_has_listeners(const struct genl_family *family, struct net *net,
			       unsigned int group);
const void *vpcnet_genl_attrs(const struct genl_info *info, u32 *len);
bool vpcnet_genl_dump_new(const struct genl_family *family, struct sk_buff *skb,
			  struct netlink_callback *cb, u8 cmd, struct vpcnet_genl_message *out);
void vpcnet_genl_dump_seq(struct netlink_callback *cb, u32 seq);
void vpcnet_genl_dump_end(const struct vpcnet_genl_message *message);
void vpcnet_genl_dump_cancel(const struct vpcnet_genl_message *message);
struct net *vpcnet_genl_dump_net(const struct netlink_callback *cb);
void vpcnet_genl_free(const struct vpcnet_genl_message *message);

struct nlattr *vpcnet_nest_start(struct sk_buff *skb, int kind);
void vpcnet_nest_end(struct sk_buff *skb, struct nlattr *nest);

#endif
