// SPDX-License-Identifier: GPL-2.0
/*
 * The events of mq_gre, and their calls for Rust; see mq_gre_trace.h.
 */
#define CREATE_TRACE_POINTS
#include "mq_gre_events.h"

void mq_gre_trace_xmit(const struct mq_gre_trace *packet)
{
	trace_mqgre_xmit(packet);
}

void mq_gre_trace_rcv(const struct mq_gre_trace *packet)
{
	trace_mqgre_rcv(packet);
}

void mq_gre_trace_drop(const struct mq_gre_trace *packet, const char *reason, size_t reason_len)
{
	trace_mqgre_drop(packet, reason, reason_len);
}
