// SPDX-License-Identifier: GPL-2.0
/*
 * link_mqgre.so: `ip link` learns the options of the link kind "mqgre".
 *
 * The words are those of gretap, the attributes IFLA_GRE_*.
 */
#include <arpa/inet.h>
#include <linux/if_tunnel.h>
#include <stdlib.h>
#include <string.h>

#include "ip_plugin.h"
#include "options.h"

/* Attributes are not aligned for their type: copy them out. */
static __u32 get32(const struct rtattr *a)
{
	__u32 v = 0;

	memcpy(&v, RTA_DATA(a), RTA_PAYLOAD(a) < 4 ? RTA_PAYLOAD(a) : 4);
	return v;
}

static __be16 get16(const struct rtattr *a)
{
	__be16 v = 0;

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
	/* Zero is what the kernel prints for "not given". */
	o->set = byte || o->value;
}

static void from_attrs(struct options *o, struct rtattr *tb[])
{
	get_opt(&o->local, tb[IFLA_GRE_LOCAL], false);
	get_opt(&o->remote, tb[IFLA_GRE_REMOTE], false);
	get_opt(&o->link, tb[IFLA_GRE_LINK], false);
	get_opt(&o->ttl, tb[IFLA_GRE_TTL], true);
	get_opt(&o->tos, tb[IFLA_GRE_TOS], true);
	get_opt(&o->pmtudisc, tb[IFLA_GRE_PMTUDISC], true);
	get_opt(&o->ignore_df, tb[IFLA_GRE_IGNORE_DF], true);
	if (tb[IFLA_GRE_IFLAGS])
		o->iflags = get16(tb[IFLA_GRE_IFLAGS]);
	if (tb[IFLA_GRE_OFLAGS])
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
	struct rtattr *data[IFLA_GRE_MAX + 1];
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
	parse_rtattr(data, IFLA_GRE_MAX, RTA_DATA(info[IFLA_INFO_DATA]),
		     RTA_PAYLOAD(info[IFLA_INFO_DATA]));
	if (!data[IFLA_GRE_COLLECT_METADATA])
		from_attrs(o, data);
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

static int mqgre_parse_opt(struct link_util *lu, int argc, char **argv,
			   struct nlmsghdr *n)
{
	bool change = !(n->nlmsg_flags & NLM_F_CREATE);
	struct options o = { 0 };

	(void)lu;
	/* "help" shall work on a device that is not there. */
	if (change && strcmp(*argv, "help") && from_kernel(&o, n))
		return -1;
	if (mqgre_parse_words(&o, argc, argv))
		return -1;
	if (o.external) {
		addattr_l(n, IP_LINK_REQ_MAX, IFLA_GRE_COLLECT_METADATA, NULL,
			  0);
		return 0;
	}
	send_opt(n, IFLA_GRE_LOCAL, &o.local);
	send_opt(n, IFLA_GRE_REMOTE, &o.remote);
	addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_IFLAGS, o.iflags);
	addattr16(n, IP_LINK_REQ_MAX, IFLA_GRE_OFLAGS, o.oflags);
	send_opt(n, IFLA_GRE_IKEY, &o.ikey);
	send_opt(n, IFLA_GRE_OKEY, &o.okey);
	send_opt(n, IFLA_GRE_LINK, &o.link);
	send_byte(n, IFLA_GRE_TTL, &o.ttl);
	send_byte(n, IFLA_GRE_TOS, &o.tos);
	send_byte(n, IFLA_GRE_PMTUDISC, &o.pmtudisc);
	send_byte(n, IFLA_GRE_IGNORE_DF, &o.ignore_df);
	return 0;
}

static void print_word(const char *word)
{
	char fmt[32];

	snprintf(fmt, sizeof(fmt), "%s ", word);
	print_color_bool(PRINT_ANY, COLOR_NONE, word, fmt, true);
}

static void print_addr(const char *name, const struct opt *o)
{
	char text[INET_ADDRSTRLEN], fmt[32];

	if (!o->set)
		return;
	snprintf(fmt, sizeof(fmt), "%s %%s ", name);
	inet_ntop(AF_INET, &o->value, text, sizeof(text));
	print_color_string(PRINT_ANY, COLOR_INET, name, fmt, text);
}

static void print_key(const char *name, const struct opt *o)
{
	char fmt[32];

	if (!o->set)
		return;
	snprintf(fmt, sizeof(fmt), "%s %%u ", name);
	print_color_uint(PRINT_ANY, COLOR_NONE, name, fmt, ntohl(o->value));
}

static void print_ttl_tos(const struct options *o)
{
	char text[16] = "inherit";

	if (o->ttl.value)
		print_color_uint(PRINT_ANY, COLOR_NONE, "ttl", "ttl %u ",
				 o->ttl.value);
	else
		print_color_string(PRINT_ANY, COLOR_NONE, "ttl", "ttl %s ",
				   text);
	if (!o->tos.value)
		return;
	if (o->tos.value != 1)
		snprintf(text, sizeof(text), "0x%x", o->tos.value);
	print_color_string(PRINT_ANY, COLOR_NONE, "tos", "tos %s ", text);
}

static void mqgre_print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	struct options o = { 0 };

	(void)lu;
	(void)f;
	if (!tb)
		return;
	if (tb[IFLA_GRE_COLLECT_METADATA]) {
		print_word("external");
		return;
	}
	from_attrs(&o, tb);
	print_addr("remote", &o.remote);
	print_addr("local", &o.local);
	if (o.link.set)
		print_color_string(PRINT_ANY, COLOR_IFNAME, "link", "dev %s ",
				   ll_index_to_name(o.link.value));
	print_ttl_tos(&o);
	if (o.pmtudisc.set) {
		if (is_json_context())
			print_color_bool(PRINT_JSON, COLOR_NONE, "pmtudisc",
					 NULL, o.pmtudisc.value);
		else if (!o.pmtudisc.value)
			print_color_string(PRINT_FP, COLOR_NONE, NULL, "%s ",
					   "nopmtudisc");
	}
	print_key("ikey", &o.ikey);
	print_key("okey", &o.okey);
	if (o.iflags & GRE_CSUM)
		print_word("icsum");
	if (o.oflags & GRE_CSUM)
		print_word("ocsum");
	if (o.ignore_df.value)
		print_word("ignore-df");
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
	.maxattr = IFLA_GRE_MAX,
	.parse_opt = mqgre_parse_opt,
	.print_opt = mqgre_print_opt,
	.print_help = mqgre_print_help,
};
