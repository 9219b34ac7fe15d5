/* SPDX-License-Identifier: GPL-2.0 */
/* The values of single words. Each returns 0, or -1 after saying what is wrong. */
#ifndef MQGRE_VALUES_H
#define MQGRE_VALUES_H

#include "options.h"

int parse_addr(const char *word, const char *arg, struct addr *addr);
int parse_key(const char *word, const char *arg, __u32 *key);
int parse_ttl(const char *word, const char *arg, __u32 *ttl);
int parse_tos(const char *word, const char *arg, __u32 *tos);
int parse_label(const char *word, const char *arg, __u32 *label);
int parse_u32(const char *word, const char *arg, __u32 *value);
int parse_port(const char *word, const char *arg, __u32 *port);
int parse_choice(const char *word, const char *arg, const char *const *choices,
		 __u32 *value);

#endif
