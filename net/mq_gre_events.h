/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The events of mq_gre, in /sys/kernel/tracing/events/mq_gre/.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mq_gre

#if !defined(MQ_GRE_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define MQ_GRE_EVENTS_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tracepoint.h>

#include "mq_gre_trace.h"

#ifndef MQ_GRE_EVENTS_ONCE
#define MQ_GRE_EVENTS_ONCE
/* In the form that %pIS prints, for either family. */
static inline void mq_gre_trace_address(u8 *to, u16 family, const u8 *from)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	if (family == AF_INET6) {
		memcpy(&v6.sin6_addr, from, sizeof(v6.sin6_addr));
		memcpy(to, &v6, sizeof(v6));
	} else {
		memset(to, 0, sizeof(v6));
		memcpy(&v4.sin_addr, from, sizeof(v4.sin_addr));
		memcpy(to, &v4, sizeof(v4));
	}
}
#endif

#define MQ_GRE_FIELDS						\
	__field(const void *, skbaddr)				\
	__array(u8, remote, sizeof(struct sockaddr_in6))	\
	__array(u8, local, sizeof(struct sockaddr_in6))		\
	__field(s64, key)					\
	__field(int, ifindex)					\
	__field(s32, lane)					\
	__field(u32, len)					\
	__string(dev, packet->dev->name)

#define MQ_GRE_ASSIGN						\
	__entry->skbaddr = packet->skb;				\
	mq_gre_trace_address(__entry->remote, packet->family, packet->remote); \
	mq_gre_trace_address(__entry->local, packet->family, packet->local); \
	__entry->key = packet->key;				\
	__entry->ifindex = packet->dev->ifindex;		\
	__entry->lane = packet->lane;				\
	__entry->len = packet->len;				\
	__assign_str(dev)

DECLARE_EVENT_CLASS(mqgre_packet,
	TP_PROTO(const struct mq_gre_trace *packet),
	TP_ARGS(packet),
	TP_STRUCT__entry(
		MQ_GRE_FIELDS
	),
	TP_fast_assign(
		MQ_GRE_ASSIGN;
	),
	TP_printk("dev=%s ifindex=%d lane=%d key=%lld remote=%pISc local=%pISc len=%u skbaddr=%p",
		  __get_str(dev), __entry->ifindex, __entry->lane, __entry->key,
		  __entry->remote, __entry->local, __entry->len, __entry->skbaddr)
);

/* A frame was encapsulated and goes to the layers below. */
DEFINE_EVENT(mqgre_packet, mqgre_xmit,
	TP_PROTO(const struct mq_gre_trace *packet),
	TP_ARGS(packet)
);

/* A frame was decapsulated and goes to the stack. */
DEFINE_EVENT(mqgre_packet, mqgre_rcv,
	TP_PROTO(const struct mq_gre_trace *packet),
	TP_ARGS(packet)
);

/* A packet is dropped; the reason has the name of its counter in ethtool -S. */
TRACE_EVENT(mqgre_drop,
	TP_PROTO(const struct mq_gre_trace *packet, const char *reason, size_t reason_len),
	TP_ARGS(packet, reason, reason_len),
	TP_STRUCT__entry(
		MQ_GRE_FIELDS
		__string_len(reason, reason, reason_len)
	),
	TP_fast_assign(
		MQ_GRE_ASSIGN;
		__assign_str(reason);
	),
	TP_printk("dev=%s ifindex=%d lane=%d key=%lld remote=%pISc local=%pISc len=%u skbaddr=%p reason=%s",
		  __get_str(dev), __entry->ifindex, __entry->lane, __entry->key,
		  __entry->remote, __entry->local, __entry->len, __entry->skbaddr,
		  __get_str(reason))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE mq_gre_events
#include <trace/define_trace.h>
