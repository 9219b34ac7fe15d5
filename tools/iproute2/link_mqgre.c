// SPDX-License-Identifier: GPL-2.0
/*
 * link_mqgre.so: `ip link` learns the options of the link kind "mqgre".
 *
 * The words are those of gretap and ip6gretap, the attributes IFLA_GRE_* and
 * IFLA_MQGRE_*.
 */
#include <linux/if_tunnel.h>
#include <stdlib.h>
#include <string.h>

#include "../../net/if_mqgre.h"
#include "ip_plugin.h"
#include "options.h"
#include "print.h"

/* Attributes are not aligned for their type: copy them out. */
static __u32 get32(const struct rtattr *a)
{
	__u32 v = 0;

	memcpy(&v, RTA_DATA(a), RTA_PAYLOAD(a) < 4 ? RTA_PAYLOAD(a) : 4);
	return v;
}

static __u16 get16(const struct rtattr *a)
{
	__u16 v = 0;

	if (a)
		memcpy(&v, RTA_DATA(a), RTA_PAYLOAD(a) < 2 ? RTA_PAYLOAD(a) : 2);
	return v;
}

static __u8 get8(const struct rtattr *a)
{
	return RTA_PAYLOAD(a) ? *(const __u8 *)RTA_DATA(a) : 0;
}

static void get_opt(struct opt *o, const struct rtattr *a, bool byte)
{
	if (!a)
		return;
	o->value = byte ? get8(a) : get32(a);
	/* The kernel says 0 for an index or a mark that is not set. */
	o->set = byte || o->value;
}

static void get_addr(struct addr *addr, const struct rtattr *a)
{
	static const __u8 none[sizeof(addr->bytes)];

	if (!a || (RTA_PAYLOAD(a) != 4 && RTA_PAYLOAD(a) != 16) ||
	    memcmp(RTA_DATA(a), none, RTA_PAYLOAD(a)) == 0)
		return;
	addr->len = RTA_PAYLOAD(a);
	memcpy(addr->bytes, RTA_DATA(a), addr->len);
}

void mqgre_from_attrs(struct options *o, struct rtattr *tb[])
{
	o->external = tb[IFLA_GRE_COLLECT_METADATA];
	get_addr(&o->local, tb[IFLA_GRE_LOCAL]);
	get_addr(&o->remote, tb[IFLA_GRE_REMOTE]);
	get_opt(&o->link, tb[IFLA_GRE_LINK], false);
	get_opt(&o->fwmark, tb[IFLA_GRE_FWMARK], false);
	get_opt(&o->ttl, tb[IFLA_GRE_TTL], true);
	get_opt(&o->tos, tb[IFLA_GRE_TOS], true);
	get_opt(&o->label, tb[IFLA_GRE_FLOWINFO], false);
	get_opt(&o->pmtudisc, tb[IFLA_GRE_PMTUDISC], true);
	get_opt(&o->ignore_df, tb[IFLA_GRE_IGNORE_DF], true);
	get_opt(&o->lanes, tb[IFLA_MQGRE_LANES], true);
	get_opt(&o->output, tb[IFLA_MQGRE_OUTPUT], true);
	get_opt(&o->nvgre, tb[IFLA_MQGRE_NVGRE], true);
	o->encap_type.value = get16(tb[IFLA_GRE_ENCAP_TYPE]);
	o->encap_type.set = tb[IFLA_GRE_ENCAP_TYPE];
	o->encap_flags = get16(tb[IFLA_GRE_ENCAP_FLAGS]);
	o->sport = get16(tb[IFLA_GRE_ENCAP_SPORT]);
	o->dport = get16(tb[IFLA_GRE_ENCAP_DPORT]);
	o->iflags = get16(tb[IFLA_GRE_IFLAGS]);
	o->oflags = get16(tb[IFLA_GRE_OFLAGS]);
	if (o->iflags & GRE_KEY && tb[IFLA_GRE_IKEY]) {
		o->ikey.value = get32(tb[IFLA_GRE_IKEY]);
		o->ikey.set = true;
	}
	if (o->oflags & GRE_KEY && tb[IFLA_GRE_OKEY]) {
		o->okey.value = get32(tb[IFLA_GRE_OKEY]);
		o->okey.set = true;
	}
}

/* What the device is set to now: a change leaves the unnamed options alone. */
static int from_kernel(struct options *o, const struct nlmsghdr *n)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(n);
	struct {
		struct nlmsghdr n;
		struct ifinfomsg ifi;
	} req = {
		.n.nlmsg_len = NLMSG_LENGTH(sizeof(req.ifi)),
		.n.nlmsg_flags = NLM_F_REQUEST,
		.n.nlmsg_type = RTM_GETLINK,
		.ifi.ifi_family = ifi->ifi_family,
		.ifi.ifi_index = ifi->ifi_index,
	};
	struct rtattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct rtattr *data[MQGRE_MAX + 1];
	struct nlmsghdr *answer;
	int ret = -1;

	if (rtnl_talk(&rth, &req.n, &answer) < 0)
		return -1;
	parse_rtattr(tb, IFLA_MAX, IFLA_RTA(NLMSG_DATA(answer)),
		     IFLA_PAYLOAD(answer));
	if (!tb[IFLA_LINKINFO])
		goto out;
	parse_rtattr(info, IFLA_INFO_MAX, RTA_DATA(tb[IFLA_LINKINFO]),
		     RTA_PAYLOAD(tb[IFLA_LINKINFO]));
	if (!info[IFLA_INFO_DATA])
		goto out;
	parse_rtattr(data, MQGRE_MAX, RTA_DATA(info[IFLA_INFO_DATA]),
		     RTA_PAYLOAD(info[IFLA_INFO_DATA]));
	mqgre_from_attrs(o, data);
	ret = 0;
out:
	free(answer);
	if (ret)
		mqgre_fail("the kernel does not say how the device is set up");
	return ret;
}

static void send_opt(struct nlmsghdr *n, int type, const struct opt *o)
{
	if (o->set)
		addattr32(n, IP_LINK_REQ_MAX, type, o->value);
}

static void send_byte(struct nlmsghdr *n, int type, const struct opt *o)
{
	if (o->set)
		addattr8(n, IP_LINK_REQ_MAX, type, o->value);
}

static void send_addr(struct nlmsghdr *n, int type, const struct addr *addr)
{
	if (addr->len)
		addattr_l(n, IP_LINK_REQ_MAX, type, addr->bytes, addr->len);
}

/* A local address that goes with another family than the remote is to go. */
static void drop_stale_local(struct options *o, const struct options *old)
{
	if (o->local.len == old->local.len && o->remote.len != old->remote.len &&
	    o->local.len != o->remote.len &&
	    memcmp(o->local.bytes, old->local.bytes, o->local.len) == 0) {
		memset(&o->local, 0, sizeof(o->local));
		o->local.len = o->remote.len;
	}
}

static void send_options(struct nlmsghdr *n, const struct options *o)
{
	send_opt(n, IFLA_GRE_LINK, &o->link);
	send_opt(n, IFLA_GRE_FWMARK, &o->fwmark);
	if (o->encap_type.set) {
		addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_ENCAP_TYPE,
			  o->encap_type.value);
		addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_ENCAP_FLAGS,
			  o->encap_type.value ? o->encap_flags : 0);
		addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_ENCAP_SPORT, o->sport);
		addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_ENCAP_DPORT, o->dport);
	}
	send_byte(n, IFLA_MQGRE_LANES, &o->lanes);
	send_byte(n, IFLA_MQGRE_OUTPUT, &o->output);
	send_byte(n, IFLA_MQGRE_NVGRE, &o->nvgre);
	if (o->external) {
		addattr_l(n, IP_LINK_REQ_MAX, IFLA_GRE_COLLECT_METADATA, NULL,
			  0);
		return;
	}
	send_addr(n, IFLA_GRE_LOCAL, &o->local);
	send_addr(n, IFLA_GRE_REMOTE, &o->remote);
	addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_IFLAGS, o->iflags);
	addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_OFLAGS, o->oflags);
	send_opt(n, IFLA_GRE_IKEY, &o->ikey);
	send_opt(n, IFLA_GRE_OKEY, &o->okey);
	send_byte(n, IFLA_GRE_TTL, &o->ttl);
	send_byte(n, IFLA_GRE_TOS, &o->tos);
	send_opt(n, IFLA_GRE_FLOWINFO, &o->label);
	send_byte(n, IFLA_GRE_PMTUDISC, &o->pmtudisc);
	send_byte(n, IFLA_GRE_IGNORE_DF, &o->ignore_df);
}

static int mqgre_parse_opt(struct link_util *lu, int argc, char **argv,
			   struct nlmsghdr *n)
{
	bool change = !(n->nlmsg_flags & NLM_F_CREATE);
	struct options o = { 0 }, old;

	(void)lu;
	/* "help" shall work on a device that is not there. */
	if (change && strcmp(*argv, "help") && from_kernel(&o, n))
		return -1;
	old = o;
	if (mqgre_parse_words(&o, argc, argv))
		return -1;
	if (change)
		drop_stale_local(&o, &old);
	send_options(n, &o);
	return 0;
}

static void mqgre_print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	struct options o = { 0 };

	(void)lu;
	(void)f;
	if (!tb)
		return;
	mqgre_from_attrs(&o, tb);
	mqgre_print(&o);
}

static void mqgre_print_help(struct link_util *lu, int argc, char **argv,
			     FILE *f)
{
	(void)lu;
	(void)argc;
	(void)argv;
	mqgre_usage(f);
}

__attribute__((visibility("default")))
struct link_util mqgre_link_util = {
	.id = "mqgre",
	.maxattr = MQGRE_MAX,
	.parse_opt = mqgre_parse_opt,
	.print_opt = mqgre_print_opt,
	.print_help = mqgre_print_help,
};
