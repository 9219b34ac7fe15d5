/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What mqgre devices have beside the attributes of the kernel's GRE devices
 * (IFLA_GRE_* in linux/if_tunnel.h). The numbers leave room for what the kernel
 * may add to its own; rtnetlink parses none above 50.
 */
#ifndef IF_MQGRE_H
#define IF_MQGRE_H

enum {
	IFLA_MQGRE_LANES = 40,	/* u8: MQGRE_LANES_* */
	IFLA_MQGRE_OUTPUT = 41,	/* u8: MQGRE_OUTPUT_* */
	IFLA_MQGRE_NVGRE = 42,	/* u8: whether keys are a VSID and a flow id */
};

enum {
	MQGRE_LANES_KEEP = 0,
	MQGRE_LANES_HASH = 1,
	MQGRE_LANES_SINGLE = 2,
};

enum {
	MQGRE_OUTPUT_AUTO = 0,
	MQGRE_OUTPUT_DIRECT = 1,
	MQGRE_OUTPUT_STACK = 2,
};

#endif
