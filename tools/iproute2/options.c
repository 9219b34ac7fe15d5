// SPDX-License-Identifier: GPL-2.0
/*
 * The words of `ip link add NAME type mqgre ...`. Words that contradict each
 * other are refused with a sentence.
 */
#include <arpa/inet.h>
#include <linux/if_tunnel.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ip_plugin.h"
#include "options.h"
#include "values.h"

const char *const mqgre_lanes[] = { "keep", "hash", "single", NULL };
const char *const mqgre_output[] = { "auto", "direct", "stack", NULL };

static const char *const encaps[] = { "none", "fou", "gue", NULL };
static const char *const dfs[] = { "unset", "set", "inherit", NULL };

void mqgre_usage(FILE *f)
{
	fputs("Usage: ... mqgre  [ remote ADDR ] [ local ADDR ]\n"
	      "                  [ [i|o]key KEY | no[i|o]key ]\n"
	      "                  [ [no][i|o]csum ]\n"
	      "                  [ ttl TTL ] [ tos TOS ] [ flowlabel LABEL ]\n"
	      "                  [ df { set | unset | inherit } ]\n"
	      "                  [ [no]pmtudisc ] [ [no]ignore-df ]\n"
	      "                  [ encap { fou | none } ]\n"
	      "                  [ encap-sport PORT ] [ encap-dport PORT ]\n"
	      "                  [ [no]encap-csum ] [ [no]encap-csum6 ]\n"
	      "                  [ [no]nvgre ]\n"
	      "                  [ lanes { keep | hash | single } ]\n"
	      "                  [ output { auto | direct | stack } ]\n"
	      "                  [ dev PHYS_DEV ] [ fwmark MARK ]\n"
	      "                  [ external ]\n"
	      "\n"
	      "Where:  ADDR  := IPv4 or IPv6 address, both of one family\n"
	      "        KEY   := { NUMBER | DOTTED_QUAD }, with nvgre of 24 bits\n"
	      "        TTL   := { 1..255 | inherit }\n"
	      "        TOS   := { NUMBER | inherit }\n"
	      "        LABEL := { 0x0..0xfffff | auto }\n"
	      "        PORT  := { 1..65535 | auto }\n"
	      "\n"
	      "Without a remote the device is \"external\": addresses and key\n"
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

/* What the words of one command have settled so far, by topic. */
struct seen {
	bool local, remote, ikey, okey, icsum, ocsum, link, fwmark, ttl, tos;
	bool label, pmtudisc, ignore_df, encap, sport, dport, encap_csum;
	bool encap_csum6, encap_remcsum, lanes, output, nvgre;
};

/* Each value may be named once: the second naming contradicts the first. */
static int once(bool *seen, const char *word)
{
	if (*seen)
		return mqgre_fail("\"%s\" says again what an earlier word said", word);
	*seen = true;
	return 0;
}

static int put(struct opt *o, bool *seen, const char *word, __u32 value)
{
	if (once(seen, word))
		return -1;
	o->value = value;
	o->set = true;
	return 0;
}

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
	if (once(seen, word))
		return -1;
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

/* Words that stand alone and tell about addresses and headers. */
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

/* "df" is another way to say the two that are as old as gretap. */
static int parse_df(struct options *o, struct seen *s, const char *word,
		    const char *arg)
{
	__u32 df;

	if (parse_choice(word, arg, dfs, &df))
		return -1;
	if (put(&o->pmtudisc, &s->pmtudisc, word, df == 1))
		return -1;
	return put(&o->ignore_df, &s->ignore_df, word, df == 0);
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* Words that take a value and tell about addresses and headers. */
static int parse_value_word(struct options *o, struct seen *s, int argc,
			    char **argv)
{
	static const char *const words[] = {
		"remote", "local", "ttl", "hoplimit", "tos", "tclass",
		"dsfield", "flowlabel", "df", NULL
	};
	const char *word = *argv, *arg = argc > 1 ? argv[1] : NULL;
	__u32 v = 0;

	if (!is_one_of(word, words))
		return 0;
	if (!arg)
		return mqgre_fail("\"%s\" needs a value", word);
	if (strcmp(word, "remote") == 0)
		return parse_addr(word, arg, &o->remote) ?:
		       once(&s->remote, word) ?: 2;
	if (strcmp(word, "local") == 0)
		return parse_addr(word, arg, &o->local) ?:
		       once(&s->local, word) ?: 2;
	if (strcmp(word, "ttl") == 0 || strcmp(word, "hoplimit") == 0)
		return parse_ttl(word, arg, &v) ?:
		       put(&o->ttl, &s->ttl, word, v) ?: 2;
	if (strcmp(word, "flowlabel") == 0)
		return parse_label(word, arg, &v) ?:
		       put(&o->label, &s->label, word, v) ?: 2;
	if (strcmp(word, "df") == 0)
		return parse_df(o, s, word, arg) ?: 2;
	return parse_tos(word, arg, &v) ?: put(&o->tos, &s->tos, word, v) ?: 2;
}

/* "encap" and its ports. Words used, 0 if not ours. */
static int parse_encap_word(struct options *o, struct seen *s, int argc,
			    char **argv)
{
	static const char *const words[] = {
		"encap", "encap-sport", "encap-dport", NULL
	};
	const char *word = *argv, *arg = argc > 1 ? argv[1] : NULL;
	__u32 v = 0;

	if (!is_one_of(word, words))
		return 0;
	if (!arg)
		return mqgre_fail("\"%s\" needs a value", word);
	if (strcmp(word, "encap") == 0) {
		if (parse_choice(word, arg, encaps, &v) ||
		    put(&o->encap_type, &s->encap, word, v))
			return -1;
		return 2;
	}
	if (parse_port(word, arg, &v))
		return -1;
	if (strcmp(word, "encap-sport") == 0) {
		o->sport = v;
		return once(&s->sport, word) ?: 2;
	}
	o->dport = v;
	return once(&s->dport, word) ?: 2;
}

/* "[no]encap-csum" and its like. Words used, 0 if not ours. */
static int parse_encap_flag(struct options *o, struct seen *s, const char *word)
{
	const struct {
		const char *word;
		__u16 flag;
		bool *seen;
	} flags[] = {
		{ "encap-csum", TUNNEL_ENCAP_FLAG_CSUM, &s->encap_csum },
		{ "encap-csum6", TUNNEL_ENCAP_FLAG_CSUM6, &s->encap_csum6 },
		/* What gretap and ip6gretap call it, their help notwithstanding. */
		{ "encap-udp6-csum", TUNNEL_ENCAP_FLAG_CSUM6, &s->encap_csum6 },
		/* The kernel refuses this one, with the reason. */
		{ "encap-remcsum", TUNNEL_ENCAP_FLAG_REMCSUM, &s->encap_remcsum },
	};
	const bool on = strncmp(word, "no", 2) != 0;
	unsigned int i;

	if (!on)
		word += 2;
	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (strcmp(word, flags[i].word))
			continue;
		if (on)
			o->encap_flags |= flags[i].flag;
		else
			o->encap_flags &= ~flags[i].flag;
		return once(flags[i].seen, word) ?: 1;
	}
	return 0;
}

/* Words about the device as a whole, fine beside "external". */
static int parse_device_word(struct options *o, struct seen *s, int argc,
			     char **argv)
{
	static const char *const words[] = {
		"dev", "fwmark", "lanes", "output", NULL
	};
	const char *word = *argv, *arg = argc > 1 ? argv[1] : NULL;
	__u32 v = 0;

	if (strcmp(word, "nvgre") == 0)
		return put(&o->nvgre, &s->nvgre, word, 1) ?: 1;
	if (strcmp(word, "nonvgre") == 0)
		return put(&o->nvgre, &s->nvgre, word, 0) ?: 1;
	if (!is_one_of(word, words))
		return 0;
	if (!arg)
		return mqgre_fail("\"%s\" needs a value", word);
	if (strcmp(word, "fwmark") == 0)
		return parse_u32(word, arg, &v) ?:
		       put(&o->fwmark, &s->fwmark, word, v) ?: 2;
	if (strcmp(word, "lanes") == 0)
		return parse_choice(word, arg, mqgre_lanes, &v) ?:
		       put(&o->lanes, &s->lanes, word, v) ?: 2;
	if (strcmp(word, "output") == 0)
		return parse_choice(word, arg, mqgre_output, &v) ?:
		       put(&o->output, &s->output, word, v) ?: 2;
	v = ll_name_to_index(arg);
	if (!v)
		return mqgre_fail("there is no device \"%s\"", arg);
	return put(&o->link, &s->link, word, v) ?: 2;
}

/* Ports and flags of the encapsulation are those of "encap fou". */
static int finish_encap(struct options *o, const struct seen *s)
{
	const bool details = s->sport || s->dport || s->encap_csum ||
			     s->encap_csum6 || s->encap_remcsum;

	if (s->encap && !o->encap_type.value) {
		if (details)
			return mqgre_fail("\"encap none\" has neither ports nor checksums");
		o->encap_flags = 0;
		o->sport = o->dport = 0;
	} else if (details && !o->encap_type.value) {
		return mqgre_fail("ports and checksums of an encapsulation need \"encap fou\"");
	}
	return 0;
}

int mqgre_parse_words(struct options *o, int argc, char **argv)
{
	const bool was_plain = !o->encap_type.value;
	struct seen seen = { 0 };
	int used;

	/* The default of a new encapsulation: over IPv6 with checksum. */
	if (was_plain)
		o->encap_flags = TUNNEL_ENCAP_FLAG_CSUM6;
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
		used = parse_device_word(o, &seen, argc, argv);
		if (!used)
			used = parse_encap_word(o, &seen, argc, argv);
		if (!used)
			used = parse_encap_flag(o, &seen, word);
		if (used < 0)
			return -1;
		if (used)
			continue;
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
	return finish_encap(o, &seen);
}
