/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a link-kind plugin shares with iproute2's `ip`.
 *
 * Debian ships no development headers for these, so the few that the plugin
 * uses are declared here, as they stand in iproute2 6.15. All the functions
 * live in the `ip` binary, which exports its symbols to what it dlopens.
 */
#ifndef IP_PLUGIN_H
#define IP_PLUGIN_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>

/* `ip` looks for KIND_link_util in link_KIND.so and caches it in a list. */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv,
			 struct nlmsghdr *n);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f, struct rtattr *xs);
	void (*print_help)(struct link_util *lu, int argc, char **argv,
			   FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
};

/* 9 words in the binary that this was written against. */
_Static_assert(sizeof(struct link_util) == 72, "struct link_util");

/* The room in the request that `ip link` fills, header included. */
#define IP_LINK_REQ_MAX 1024

struct rtnl_handle;
extern struct rtnl_handle rth;

int rtnl_talk(struct rtnl_handle *handle, struct nlmsghdr *n,
	      struct nlmsghdr **answer);
int parse_rtattr(struct rtattr *tb[], int max, struct rtattr *rta, int len);

int addattr_l(struct nlmsghdr *n, int maxlen, int type, const void *data,
	      int len);
int addattr8(struct nlmsghdr *n, int maxlen, int type, __u8 data);
int addattr16(struct nlmsghdr *n, int maxlen, int type, __u16 data);
int addattr32(struct nlmsghdr *n, int maxlen, int type, __u32 data);

unsigned int ll_name_to_index(const char *name);
const char *ll_index_to_name(unsigned int index);
int rtnl_dsfield_a2n(__u32 *id, const char *arg);

/* One call prints plain text or JSON, whichever the user asked for. */
enum output_type {
	PRINT_FP = 1,
	PRINT_JSON = 2,
	PRINT_ANY = 4,
};

enum color_attr {
	COLOR_IFNAME,
	COLOR_MAC,
	COLOR_INET,
	COLOR_INET6,
	COLOR_OPERSTATE_UP,
	COLOR_OPERSTATE_DOWN,
	COLOR_NONE,
};

bool is_json_context(void);
void open_json_object(const char *name);
void close_json_object(void);
int print_color_string(enum output_type t, enum color_attr color,
		       const char *key, const char *fmt, const char *value);
int print_color_uint(enum output_type t, enum color_attr color,
		     const char *key, const char *fmt, unsigned int value);
int print_color_bool(enum output_type t, enum color_attr color,
		     const char *key, const char *fmt, bool value);

#endif
