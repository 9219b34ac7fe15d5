// SPDX-License-Identifier: GPL-2.0
/*
 * The words of `ip link add NAME type mqgre ...`. Words that contradict each
 * other are refused with a sentence; whether a value suits the device is left
 * to the kernel, which says so itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tunnel.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ip_plugin.h"
#include "options.h"

void mqgre_usage(FILE *f)
{
	fputs("Usage: ... mqgre  [ remote ADDR ] [ local ADDR ]\n"
	      "                  [ [i|o]key KEY | no[i|o]key ]\n"
	      "                  [ [no][i|o]csum ]\n"
	      "                  [ ttl TTL ] [ tos TOS ]\n"
	      "                  [ [no]pmtudisc ] [ [no]ignore-df ]\n"
	      "                  [ dev PHYS_DEV ]\n"
	      "                  [ external ]\n"
	      "\n"
	      "Where:  ADDR := IPv4 address\n"
	      "        KEY  := { NUMBER | DOTTED_QUAD }\n"
	      "        TTL  := { 1..255 | inherit }\n"
	      "        TOS  := { NUMBER | inherit }\n"
	      "\n"
	      "Without options the device is \"external\": addresses and key\n"
	      "come with each packet (tc tunnel_key, ip route ... encap).\n",
	      f);
}

int mqgre_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("mqgre: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return -1;
}

/* Each value may be named once: the second naming contradicts the first. */
static int put(struct opt *o, bool *seen, const char *word, __u32 value)
{
	if (*seen)
		return mqgre_fail("\"%s\" says again what an earlier word said", word);
	*seen = true;
	o->value = value;
	o->set = true;
	return 0;
}

static int parse_addr(const char *word, const char *arg, __u32 *addr)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET, arg, addr) == 1)
		return 0;
	if (inet_pton(AF_INET6, arg, &v6) == 1)
		return mqgre_fail("%s \"%s\" is IPv6, mqgre needs an IPv4 address",
			    word, arg);
	return mqgre_fail("%s \"%s\" is no IPv4 address", word, arg);
}

static int parse_number(const char *arg, int base, unsigned long max,
			__u32 *value)
{
	unsigned long n;
	char *end;

	if (*arg == '-' || *arg == '+' || !*arg)
		return -1;
	errno = 0;
	n = strtoul(arg, &end, base);
	if (errno || *end || n > max)
		return -1;
	*value = n;
	return 0;
}

static int parse_key(const char *word, const char *arg, __u32 *key)
{
	__u32 n;

	if (strchr(arg, '.')) {
		if (inet_pton(AF_INET, arg, key) == 1)
			return 0;
	} else if (parse_number(arg, 0, 0xffffffffUL, &n) == 0) {
		*key = htonl(n);
		return 0;
	}
	return mqgre_fail("%s \"%s\" is neither a number of 32 bits nor a dotted quad",
		    word, arg);
}

static int parse_ttl(const char *arg, __u32 *ttl)
{
	*ttl = 0;
	if (strcmp(arg, "inherit") == 0)
		return 0;
	if (parse_number(arg, 0, 255, ttl) || *ttl == 0)
		return mqgre_fail("ttl \"%s\" is neither 1..255 nor \"inherit\"", arg);
	return 0;
}

static int parse_tos(const char *arg, __u32 *tos)
{
	*tos = 1;
	if (strcmp(arg, "inherit") == 0)
		return 0;
	/* As everywhere in ip(8): hexadecimal, or a name of rt_dsfield. */
	if (rtnl_dsfield_a2n(tos, arg) || *tos > 255)
		return mqgre_fail("tos \"%s\" is neither a hexadecimal byte, a known name nor \"inherit\"",
			    arg);
	if (*tos & 1)
		return mqgre_fail("tos \"%s\": bit 0 means \"inherit\", leave it out",
			    arg);
	return 0;
}

/* What the words of one command have settled so far, by topic. */
struct seen {
	bool local, remote, ikey, okey, icsum, ocsum, link, ttl, tos;
	bool pmtudisc, ignore_df;
};

/* Splits "[no][i|o]NAME": which directions, and on or off. */
static bool direction(const char *word, const char *name, bool *in, bool *out,
		      bool *on)
{
	*on = strncmp(word, "no", 2) != 0;
	if (!*on)
		word += 2;
	*in = *out = true;
	if (strcmp(word, name) == 0)
		return true;
	*in = word[0] == 'i';
	*out = word[0] == 'o';
	return (*in || *out) && strcmp(word + 1, name) == 0;
}

static int set_flag(__be16 *flags, __be16 flag, bool *seen, const char *word,
		    bool on)
{
	if (*seen)
		return mqgre_fail("\"%s\" says again what an earlier word said", word);
	*seen = true;
	*flags = on ? *flags | flag : *flags & ~flag;
	return 0;
}

static int set_key(struct opt *key, __be16 *flags, bool *seen,
		   const char *word, bool on, __u32 value)
{
	if (set_flag(flags, GRE_KEY, seen, word, on))
		return -1;
	key->set = on;
	key->value = value;
	return 0;
}

/* "key", "csum", "seq" and their directions. Words used, 0 if not ours. */
static int parse_flag_word(struct options *o, struct seen *s, int argc,
			   char **argv)
{
	const char *word = *argv;
	bool in, out, on;
	__u32 key = 0;
	int used = 1;

	if (direction(word, "key", &in, &out, &on)) {
		if (on) {
			if (argc < 2)
				return mqgre_fail("\"%s\" needs a value", word);
			if (parse_key(word, argv[1], &key))
				return -1;
			used = 2;
		}
		if (in && set_key(&o->ikey, &o->iflags, &s->ikey, word, on, key))
			return -1;
		if (out && set_key(&o->okey, &o->oflags, &s->okey, word, on, key))
			return -1;
		return used;
	}
	if (direction(word, "csum", &in, &out, &on)) {
		if (in && set_flag(&o->iflags, GRE_CSUM, &s->icsum, word, on))
			return -1;
		if (out && set_flag(&o->oflags, GRE_CSUM, &s->ocsum, word, on))
			return -1;
		return used;
	}
	if (direction(word, "seq", &in, &out, &on)) {
		/* The kernel refuses these, with the reason. */
		if (in)
			o->iflags = on ? o->iflags | GRE_SEQ
				       : o->iflags & ~GRE_SEQ;
		if (out)
			o->oflags = on ? o->oflags | GRE_SEQ
				       : o->oflags & ~GRE_SEQ;
		return used;
	}
	return 0;
}

/* Words that stand alone, key and csum apart. */
static int parse_lone_word(struct options *o, struct seen *s, const char *word)
{
	if (strcmp(word, "pmtudisc") == 0)
		return put(&o->pmtudisc, &s->pmtudisc, word, 1) ?: 1;
	if (strcmp(word, "nopmtudisc") == 0)
		return put(&o->pmtudisc, &s->pmtudisc, word, 0) ?: 1;
	if (strcmp(word, "ignore-df") == 0)
		return put(&o->ignore_df, &s->ignore_df, word, 1) ?: 1;
	if (strcmp(word, "noignore-df") == 0)
		return put(&o->ignore_df, &s->ignore_df, word, 0) ?: 1;
	return 0;
}

/* Words that take a value. */
static int parse_value_word(struct options *o, struct seen *s, int argc,
			    char **argv)
{
	const char *word = *argv, *arg = argc > 1 ? argv[1] : NULL;
	__u32 v = 0;

	if (strcmp(word, "remote") && strcmp(word, "local") &&
	    strcmp(word, "ttl") && strcmp(word, "hoplimit") &&
	    strcmp(word, "tos") && strcmp(word, "tclass") &&
	    strcmp(word, "dsfield") && strcmp(word, "dev"))
		return 0;
	if (!arg)
		return mqgre_fail("\"%s\" needs a value", word);
	if (strcmp(word, "remote") == 0)
		return parse_addr(word, arg, &v) ?:
		       put(&o->remote, &s->remote, word, v) ?: 2;
	if (strcmp(word, "local") == 0)
		return parse_addr(word, arg, &v) ?:
		       put(&o->local, &s->local, word, v) ?: 2;
	if (strcmp(word, "ttl") == 0 || strcmp(word, "hoplimit") == 0)
		return parse_ttl(arg, &v) ?: put(&o->ttl, &s->ttl, word, v) ?: 2;
	if (strcmp(word, "dev")) /* one of the three names of tos */
		return parse_tos(arg, &v) ?: put(&o->tos, &s->tos, word, v) ?: 2;
	v = ll_name_to_index(arg);
	if (!v)
		return mqgre_fail("there is no device \"%s\"", arg);
	return put(&o->link, &s->link, word, v) ?: 2;
}

int mqgre_parse_words(struct options *o, int argc, char **argv)
{
	struct seen seen = { 0 };
	int used;

	for (; argc > 0; argc -= used, argv += used) {
		const char *word = *argv;

		if (strcmp(word, "help") == 0) {
			mqgre_usage(stdout);
			exit(0);
		}
		if (strcmp(word, "external") == 0) {
			o->external = true;
			used = 1;
			continue;
		}
		used = parse_value_word(o, &seen, argc, argv);
		if (!used)
			used = parse_flag_word(o, &seen, argc, argv);
		if (!used)
			used = parse_lone_word(o, &seen, word);
		if (!used) {
			mqgre_usage(stderr);
			return mqgre_fail("what is \"%s\"?", word);
		}
		if (used < 0)
			return -1;
		if (!o->fixed)
			o->fixed = word;
	}
	if (o->external && o->fixed)
		return mqgre_fail("\"%s\" contradicts \"external\", where each packet brings its own addresses and key",
			    o->fixed);
	if (o->pmtudisc.set && o->pmtudisc.value && o->ignore_df.set &&
	    o->ignore_df.value)
		return mqgre_fail("\"pmtudisc\" contradicts \"ignore-df\"");
	return 0;
}
