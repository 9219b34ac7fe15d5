#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# tun_mq comes and goes under traffic, and loses and reorders nothing.
#
#	tapa - br0 - tapb     up8: its lanes, a dummy with 8 queues
#	4 queues     4 queues, managed
#
# Both VMs send on all queues all the time, slower than what would fill a ring.
# All packets have to arrive, those of a queue in order on each queue that they
# arrive on. Which one that is changes with each cycle, since without the module
# tun goes by the flow; all queues send the same flow, as the qdisc may reorder
# flows.
#
# CYCLES=N instead of 200. CONTROL=tracer leaves tun_mq out and switches the
# kernel's own tracer on and off on the function that tun_mq redirects: what
# fails then is not the module's fault (docs/design.md).

. "$(dirname -- "$0")/lib.sh"
. "$here/taps_lib.sh"

cycles=${CYCLES:-200}
rate=200
tracing=/sys/kernel/tracing
CONTROL=${CONTROL:-}

cleanup_more() { touch "$tmp/stop"; }
tunmq_begin
unload_tun_mq
dummy_uplink up8 8
boot_vm a 4
boot_vm b 4
join a
join b
until_true 20 vm a ping --to "$(at b)"
vm a reset >/dev/null
vm b reset >/dev/null
# Two hundred times from the host takes long.
cp "$LANES_MODULES/tun_mq.ko" "$programs/vpcctl" "$tmp"

# talk FROM TO: until told to stop; what was sent goes to $tmp/FROM.sent.
talk() {
	while [[ ! -e $tmp/stop ]]; do
		vm "$1" send --to "$(at "$2")" --count $rate --rate $rate --flows 1
	done >"$tmp/$1.sent"
}
talk a b &
talks=$!
talk b a &
talks+=" $!"

ctl() { in_ns "$A" "$tmp/vpcctl" lanes "$@"; }
# One in ten stays managed when the module goes.
reload() {
	local n
	for ((n = 1; n <= cycles; n++)); do
		insmod "$tmp/tun_mq.ko"
		ctl set tapb --uplink up8
		sleep 0.0$((RANDOM % 10))
		if ((n % 10)); then
			ctl unset tapb
		else
			ctl show tapb --json >"$tmp/shown"
		fi
		rmmod tun_mq
	done
}
# That all this was not for nothing.
led_some() {
	jq -c .taps[0].queues "$tmp/shown"
	jq -e '[.. | .rx_packets? // empty] | add > 0' "$tmp/shown"
}
toggle() {
	local n
	echo tun_select_queue >$tracing/set_ftrace_filter
	for ((n = 1; n <= cycles; n++)); do
		echo function >$tracing/current_tracer
		echo nop >$tracing/current_tracer
	done
	echo >$tracing/set_ftrace_filter
}

began=$SECONDS
if [[ $CONTROL == tracer ]]; then
	mountpoint -q $tracing || mount -t tracefs none $tracing
	check "$cycles times trace, do not trace" toggle
else
	check "$cycles times load, set, unset, unload" reload
	check "lanes led packets meanwhile" led_some
fi
note "took $((SECONDS - began)) s"
touch "$tmp/stop"
# shellcheck disable=SC2086
wait $talks

all_came() { # all_came FROM TO
	local sent
	sent=$(jq -s 'map(.sent | add) | add' "$tmp/$1.sent")
	echo "sent $sent, refused $(jq -s 'map(.errors) | add' "$tmp/$1.sent")"
	vm "$2" wait --frames "$sent" || true
	vm "$2" stats >"$tmp/$2.stats"
	jq -c '.series[]' "$tmp/$2.stats"
	echo "tap$2 dropped $(stat "$A" "tap$2" tx_dropped)"
	jq -e "[.stamped, .lost, .duplicate] == [$sent, 0, 0]" "$tmp/$2.stats"
}
in_order() {
	jq -c '.series[]' "$tmp/$1.stats"
	jq -e '[.series[].overtaken] == [0, 0, 0, 0]' "$tmp/$1.stats"
}
check "to the managed tap: nothing is lost or doubled" all_came a b
check "... and each queue is in order" in_order b
check "from there: nothing is lost or doubled" all_came b a
check "... and each queue is in order" in_order a

ksft_end
