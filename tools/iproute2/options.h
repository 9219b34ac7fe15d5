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

struct options {
	struct opt local;	/* network order, as are the keys and flags */
	struct opt remote;
	struct opt ikey;
	struct opt okey;
	__be16 iflags;
	__be16 oflags;
	struct opt link;	/* interface index */
	struct opt ttl;
	struct opt tos;
	struct opt pmtudisc;
	struct opt ignore_df;
	bool external;
	/* The first word that makes no sense beside "external". */
	const char *fixed;
};

void mqgre_usage(FILE *f);

/* Says why on stderr. Returns -1, so that it can be returned. */
int mqgre_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Lays the words of one command over what @o already holds.
 * Returns 0, or -1 after it has said what is wrong.
 */
int mqgre_parse_words(struct options *o, int argc, char **argv);

#endif
