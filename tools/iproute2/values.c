// SPDX-License-Identifier: GPL-2.0
/*
 * The values of single words. Whether a value suits the device is left to the
 * kernel, which says so itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip_plugin.h"
#include "values.h"

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

int parse_addr(const char *word, const char *arg, struct addr *addr)
{
	/* ip(8)'s word for no address in particular. */
	if (strcmp(arg, "any") == 0)
		arg = "0.0.0.0";
	if (inet_pton(AF_INET, arg, addr->bytes) == 1)
		addr->len = 4;
	else if (inet_pton(AF_INET6, arg, addr->bytes) == 1)
		addr->len = 16;
	else
		return mqgre_fail("%s \"%s\" is neither an IPv4 nor an IPv6 address",
				  word, arg);
	return 0;
}

int parse_key(const char *word, const char *arg, __u32 *key)
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

int parse_ttl(const char *word, const char *arg, __u32 *ttl)
{
	*ttl = 0;
	if (strcmp(arg, "inherit") == 0)
		return 0;
	if (parse_number(arg, 0, 255, ttl) || *ttl == 0)
		return mqgre_fail("%s \"%s\" is neither 1..255 nor \"inherit\"",
				  word, arg);
	return 0;
}

int parse_tos(const char *word, const char *arg, __u32 *tos)
{
	*tos = 1;
	if (strcmp(arg, "inherit") == 0)
		return 0;
	/* As everywhere in ip(8): hexadecimal, or a name of rt_dsfield. */
	if (rtnl_dsfield_a2n(tos, arg) || *tos > 255)
		return mqgre_fail("%s \"%s\" is neither a hexadecimal byte, a known name nor \"inherit\"",
				  word, arg);
	if (*tos & 1)
		return mqgre_fail("%s \"%s\": bit 0 means \"inherit\", leave it out",
				  word, arg);
	return 0;
}

int parse_label(const char *word, const char *arg, __u32 *label)
{
	__u32 n = 0;

	/* Hexadecimal, as ip6gretap has it. */
	if (strcmp(arg, "auto") && parse_number(arg, 16, 0xfffff, &n))
		return mqgre_fail("%s \"%s\" is neither a hexadecimal number of 20 bits nor \"auto\"",
				  word, arg);
	*label = htonl(n);
	return 0;
}

int parse_u32(const char *word, const char *arg, __u32 *value)
{
	if (parse_number(arg, 0, 0xffffffffUL, value))
		return mqgre_fail("%s \"%s\" is no number of 32 bits", word, arg);
	return 0;
}

int parse_port(const char *word, const char *arg, __u32 *port)
{
	__u32 n = 0;

	if (strcmp(arg, "auto") && (parse_number(arg, 0, 0xffff, &n) || !n))
		return mqgre_fail("%s \"%s\" is neither 1..65535 nor \"auto\"",
				  word, arg);
	*port = htons(n);
	return 0;
}

int parse_choice(const char *word, const char *arg, const char *const *choices,
		 __u32 *value)
{
	char list[64] = "";
	__u32 i;

	for (i = 0; choices[i]; i++) {
		if (strcmp(arg, choices[i]) == 0) {
			*value = i;
			return 0;
		}
		strncat(list, i ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, choices[i], sizeof(list) - strlen(list) - 1);
	}
	return mqgre_fail("%s \"%s\" is none of %s", word, arg, list);
}
