/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taps from outside: what the stock tun driver lets others see and change.
 */
#ifndef VPCNET_TAP_H
#define VPCNET_TAP_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>

/*
 * The queue of a tap for a packet, or -1: the driver is to choose. @tap is what
 * the tap's ingress hook was registered with. Datapath context.
 */
typedef int vpcnet_select_t(void *tap, const struct net_device *dev, const struct sk_buff *skb);

/* process context, RTNL held unless it says otherwise */
const char *vpcnet_dev_name(const struct net_device *dev);
bool vpcnet_is_external(const struct net_device *dev);
bool vpcnet_is_kind(const struct net_device *dev, const char *kind);
bool vpcnet_is_tap(const struct net_device *dev);
bool vpcnet_is_bridge(const struct net_device *dev);
bool vpcnet_is_bridge_port(const struct net_device *dev);
struct net_device *vpcnet_lanes_of(struct net_device *dev);
struct net_device *vpcnet_uplink_of(struct net_device *tap);
struct net_device *vpcnet_dev_by_index(struct net *net, int ifindex);
struct net_device *vpcnet_dev_by_name(struct net *net, const char *name);
bool vpcnet_has_lanes_attr(const struct net_device *dev);
int vpcnet_write_lanes_attr(struct net_device *dev, const char *text, size_t len);

/* process context, RTNL not held */
ssize_t vpcnet_read_file(const char *path, size_t len, void **out);
void vpcnet_free_file(void *text);

/* The redirect; what goes wrong is said in these. */
enum vpcnet_redirect_state {
	VPCNET_REDIRECT_ON,
	VPCNET_REDIRECT_UNSUPPORTED,	/* the kernel cannot */
	VPCNET_REDIRECT_NO_FUNCTION,	/* the driver has nothing to redirect */
	VPCNET_REDIRECT_UNTRACEABLE,	/* it has, but it cannot be patched */
	VPCNET_REDIRECT_TAKEN,		/* by another, or kernel.ftrace_enabled is 0 */
	VPCNET_REDIRECT_FAILED,
};
enum vpcnet_redirect_state vpcnet_redirect_attach(const struct net_device *tap,
						  vpcnet_select_t *select, nf_hookfn *hook);
void vpcnet_redirect_detach(void);

/* Calls @changed when the tun driver has come or gone, and once at first. */
int vpcnet_tun_watch(void (*changed)(bool live));
void vpcnet_tun_unwatch(void);

#endif
