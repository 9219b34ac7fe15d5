/* SPDX-License-Identifier: GPL-2.0 */
/* The options of an mqgre device, and how the user says them. */
#ifndef MQGRE_OPTIONS_H
#define MQGRE_OPTIONS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

/* What is known about one option: the value, and that it shall be sent. */
struct opt {
	__u32 value;
	bool set;
};

/* An address, of 4 or 16 bytes; 0 bytes: not known. */
struct addr {
	__u8 bytes[16];
	__u8 len;
};

struct options {
	struct addr local;
	struct addr remote;
	struct opt ikey;	/* network order, as are flags, ports and label */
	struct opt okey;
	__be16 iflags;
	__be16 oflags;
	struct opt link;	/* interface index */
	struct opt fwmark;
	struct opt ttl;
	struct opt tos;
	struct opt label;
	struct opt pmtudisc;
	struct opt ignore_df;
	struct opt encap_type;	/* TUNNEL_ENCAP_* */
	__u16 encap_flags;
	__be16 sport;
	__be16 dport;
	struct opt lanes;	/* MQGRE_LANES_* */
	struct opt output;	/* MQGRE_OUTPUT_* */
	struct opt nvgre;
	bool external;
	/* The first word that makes no sense beside "external". */
	const char *fixed;
};

/* The words of "lanes" and "output", by value; NULL ends them. */
extern const char *const mqgre_lanes[];
extern const char *const mqgre_output[];

void mqgre_usage(FILE *f);

/* Says why on stderr. Returns -1, so that it can be returned. */
int mqgre_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Lays the words of one command over what @o already holds.
 * Returns 0, or -1 after it has said what is wrong.
 */
int mqgre_parse_words(struct options *o, int argc, char **argv);

#endif
