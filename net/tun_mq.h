/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/tun_mq.yaml */
/* YNL-GEN uapi header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _UAPI_LINUX_TUN_MQ_H
#define _UAPI_LINUX_TUN_MQ_H

#define TUN_MQ_FAMILY_NAME	"tun_mq"
#define TUN_MQ_FAMILY_VERSION	1

/**
 * enum tun_mq_mode - How packets to the VM get their queue.
 * @TUN_MQ_MODE_AUTO: In a request, what the kernel has - patch, else ftrace.
 * @TUN_MQ_MODE_FTRACE: The choice of the stock driver is redirected at run
 *   time.
 * @TUN_MQ_MODE_PATCH: The driver has been patched to do it by itself.
 * @TUN_MQ_MODE_EBPF: A steering program that user space has attached.
 * @TUN_MQ_MODE_OFF: The stock driver chooses; only packets from the VM have
 *   lanes.
 */
enum tun_mq_mode {
	TUN_MQ_MODE_AUTO,
	TUN_MQ_MODE_FTRACE,
	TUN_MQ_MODE_PATCH,
	TUN_MQ_MODE_EBPF,
	TUN_MQ_MODE_OFF,
};

/**
 * enum tun_mq_to_vm - What becomes of the lanes of packets to the VM.
 * @TUN_MQ_TO_VM_LANES: They lead to their queue.
 * @TUN_MQ_TO_VM_PROGRAM: The tap has a steering program, which has the choice.
 * @TUN_MQ_TO_VM_UNAVAILABLE: They cannot be followed; the reason says why.
 * @TUN_MQ_TO_VM_OFF: They are not asked for.
 */
enum tun_mq_to_vm {
	TUN_MQ_TO_VM_LANES,
	TUN_MQ_TO_VM_PROGRAM,
	TUN_MQ_TO_VM_UNAVAILABLE,
	TUN_MQ_TO_VM_OFF,
};

enum {
	TUN_MQ_A_TAP_IFINDEX = 1,
	TUN_MQ_A_TAP_IFNAME,
	TUN_MQ_A_TAP_UPLINK,
	TUN_MQ_A_TAP_UPLINK_NAME,
	TUN_MQ_A_TAP_LANES,
	TUN_MQ_A_TAP_BASE,
	TUN_MQ_A_TAP_PINNED,
	TUN_MQ_A_TAP_WEIGHT,
	TUN_MQ_A_TAP_MODE,
	TUN_MQ_A_TAP_OVERRIDE,
	TUN_MQ_A_TAP_AUTO,
	TUN_MQ_A_TAP_TO_VM,
	TUN_MQ_A_TAP_REASON,
	TUN_MQ_A_TAP_NUM_QUEUES,
	TUN_MQ_A_TAP_QUEUE,
	TUN_MQ_A_TAP_TX_UNRECORDED,
	TUN_MQ_A_TAP_TX_NO_LANES,
	TUN_MQ_A_TAP_RX_UNRECORDED,
	TUN_MQ_A_TAP_RX_PROGRAM,
	TUN_MQ_A_TAP_RX_NO_LANES,

	__TUN_MQ_A_TAP_MAX,
	TUN_MQ_A_TAP_MAX = (__TUN_MQ_A_TAP_MAX - 1)
};

enum {
	TUN_MQ_A_QUEUE_INDEX = 1,
	TUN_MQ_A_QUEUE_LANE,
	TUN_MQ_A_QUEUE_TX_PACKETS,
	TUN_MQ_A_QUEUE_RX_PACKETS,

	__TUN_MQ_A_QUEUE_MAX,
	TUN_MQ_A_QUEUE_MAX = (__TUN_MQ_A_QUEUE_MAX - 1)
};

enum {
	TUN_MQ_A_REBALANCE_UPLINK = 1,
	TUN_MQ_A_REBALANCE_MOVED,

	__TUN_MQ_A_REBALANCE_MAX,
	TUN_MQ_A_REBALANCE_MAX = (__TUN_MQ_A_REBALANCE_MAX - 1)
};

enum {
	TUN_MQ_CMD_GET = 1,
	TUN_MQ_CMD_SET,
	TUN_MQ_CMD_UNSET,
	TUN_MQ_CMD_REBALANCE,
	TUN_MQ_CMD_SET_NTF,
	TUN_MQ_CMD_UNSET_NTF,

	__TUN_MQ_CMD_MAX,
	TUN_MQ_CMD_MAX = (__TUN_MQ_CMD_MAX - 1)
};

#define TUN_MQ_MCGRP_MONITOR	"monitor"

#endif /* _UAPI_LINUX_TUN_MQ_H */
