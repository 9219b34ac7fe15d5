// SPDX-License-Identifier: GPL-2.0
/*
 * The options of a device as `ip -d link` shows them: in words that would make
 * it again, or as JSON.
 */
#include <arpa/inet.h>
#include <linux/if_tunnel.h>
#include <string.h>

#include "ip_plugin.h"
#include "print.h"

static void print_word(const char *word)
{
	char fmt[32];

	snprintf(fmt, sizeof(fmt), "%s ", word);
	print_color_bool(PRINT_ANY, COLOR_NONE, word, fmt, true);
}

static void print_text(const char *name, const char *text)
{
	char fmt[32];

	snprintf(fmt, sizeof(fmt), "%s %%s ", name);
	print_color_string(PRINT_ANY, COLOR_NONE, name, fmt, text);
}

static void print_number(const char *name, __u32 value)
{
	char fmt[32];

	snprintf(fmt, sizeof(fmt), "%s %%u ", name);
	print_color_uint(PRINT_ANY, COLOR_NONE, name, fmt, value);
}

static void print_addr(const char *name, const struct addr *addr)
{
	const bool v6 = addr->len == sizeof(addr->bytes);
	char text[INET6_ADDRSTRLEN], fmt[32];

	if (!addr->len)
		return;
	snprintf(fmt, sizeof(fmt), "%s %%s ", name);
	inet_ntop(v6 ? AF_INET6 : AF_INET, addr->bytes, text, sizeof(text));
	print_color_string(PRINT_ANY, v6 ? COLOR_INET6 : COLOR_INET, name, fmt,
			   text);
}

static void print_hex(const char *name, const struct opt *o, __u32 value)
{
	char text[16];

	if (!o->set || !value)
		return;
	snprintf(text, sizeof(text), "0x%x", value);
	print_text(name, text);
}

static void print_ttl_tos(const struct options *o)
{
	if (o->ttl.value)
		print_number("ttl", o->ttl.value);
	else
		print_text("ttl", "inherit");
	if (o->tos.value == 1)
		print_text("tos", "inherit");
	else
		print_hex("tos", &o->tos, o->tos.value);
}

static void print_pmtudisc(const struct opt *o)
{
	if (!o->set)
		return;
	if (is_json_context())
		print_color_bool(PRINT_JSON, COLOR_NONE, "pmtudisc", NULL,
				 o->value);
	else if (!o->value)
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "%s ",
				   "nopmtudisc");
}

static void print_on_off(const char *name, bool on)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%s", on ? "" : "no", name);
	print_color_string(PRINT_FP, COLOR_NONE, NULL, "%s ", text);
}

static void print_encap(const struct options *o)
{
	const bool csum = o->encap_flags & TUNNEL_ENCAP_FLAG_CSUM;
	const bool csum6 = o->encap_flags & TUNNEL_ENCAP_FLAG_CSUM6;

	if (o->encap_type.value != TUNNEL_ENCAP_FOU)
		return;
	if (is_json_context()) {
		open_json_object("encap");
		print_text("type", "fou");
		print_number("sport", ntohs(o->sport));
		print_number("dport", ntohs(o->dport));
		print_color_bool(PRINT_JSON, COLOR_NONE, "csum", NULL, csum);
		print_color_bool(PRINT_JSON, COLOR_NONE, "csum6", NULL, csum6);
		close_json_object();
		return;
	}
	print_text("encap", "fou");
	if (o->sport)
		print_number("encap-sport", ntohs(o->sport));
	else
		print_text("encap-sport", "auto");
	print_number("encap-dport", ntohs(o->dport));
	print_on_off("encap-csum", csum);
	print_on_off("encap-csum6", csum6);
}

/* A choice that is not the default. */
static void print_choice(const char *name, const struct opt *o,
			 const char *const *choices)
{
	__u32 i;

	for (i = 0; choices[i]; i++)
		if (i == o->value && i)
			print_text(name, choices[i]);
}

void mqgre_print(const struct options *o)
{
	if (o->external)
		print_word("external");
	print_addr("remote", &o->remote);
	print_addr("local", &o->local);
	if (o->link.set)
		print_color_string(PRINT_ANY, COLOR_IFNAME, "link", "dev %s ",
				   ll_index_to_name(o->link.value));
	if (!o->external) {
		print_ttl_tos(o);
		print_hex("flowlabel", &o->label, ntohl(o->label.value));
		print_pmtudisc(&o->pmtudisc);
	}
	if (o->ikey.set)
		print_number("ikey", ntohl(o->ikey.value));
	if (o->okey.set)
		print_number("okey", ntohl(o->okey.value));
	if (o->iflags & GRE_CSUM)
		print_word("icsum");
	if (o->oflags & GRE_CSUM)
		print_word("ocsum");
	if (o->ignore_df.value)
		print_word("ignore-df");
	print_encap(o);
	if (o->nvgre.value)
		print_word("nvgre");
	print_choice("lanes", &o->lanes, mqgre_lanes);
	print_choice("output", &o->output, mqgre_output);
	print_hex("fwmark", &o->fwmark, o->fwmark.value);
}
