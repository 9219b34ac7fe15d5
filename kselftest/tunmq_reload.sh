#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# tun_mq comes and goes under traffic, and loses and reorders nothing.
#
#	vm A: tapA - br0 - tapB :vm B
#	  4 queues    |    4 queues
#	             up0, a dummy with 8 queues: its lanes
#
# Both VMs send on all queues all the time, slower than what would fill a ring,
# so both ways of both taps are in use: all packets have to arrive, those of
# a queue in order on each queue that they arrive on. Which one that is changes
# with each cycle, since without the module tun goes by the flow.

. "$(dirname -- "$0")/lib.sh"

standin=$here/../build/bin/standin
cycles=${CYCLES:-200}
rate=${RATE:-200}
# The last two are what `modprobe tun_mq` would load first.
modprobe -a tun bridge dummy udp_tunnel ip6_udp_tunnel
new_ns A
# Two hundred times from the host's disk, with debugging information, takes long.
cp "$here/../build/bin/vpcctl" "$LANES_MODULES/tun_mq.ko" "$tmp"
! command -v strip >/dev/null || strip --strip-debug "$tmp/tun_mq.ko"
vpcctl=$tmp/vpcctl

cleanup() {
	touch "$tmp/stop"
	rmmod tun_mq || true
}

vm() { "$standin" ctl "$tmp/$1.sock" "${@:2}"; }
number() { printf '%d\n' "$(($(printf %d "'$1") - 64))"; }
start_vm() {
	local n
	n=$(number "$1")
	start "$A" "$standin" --tap "tap$1" --queues 4 --up --mac 02:00:00:00:00:0$n \
		--ip 10.9.0.$n/24 --id $n --control "$tmp/$1.sock" 2>/dev/null
	until_true 20 vm "$1" stats
	ip -n "$A" link set "tap$1" master br0 up
}
ip -n "$A" link add up0 numtxqueues 8 numrxqueues 8 type dummy
ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
ip -n "$A" link set up0 master br0 up
ip -n "$A" link set br0 up
start_vm A
start_vm B
until_true 20 vm A ping --to 10.9.0.2
vm A reset >/dev/null
vm B reset >/dev/null

# talk FROM TO: until told to stop; what was sent goes to $tmp/FROM.sent.
talk() {
	local to
	to=10.9.0.$(number "$2")
	while [[ ! -e $tmp/stop ]]; do
		vm "$1" send --to "$to" --count "$rate" --rate "$rate" --flows 1
	done >"$tmp/$1.sent"
}
talk A B &
talks=$!
talk B A &
talks+=" $!"

lanes_of() { in_ns "$A" "$vpcctl" lanes show --json | jq -c "$1"; }
# One in ten stays managed when the module goes.
cycle() {
	insmod "$tmp/tun_mq.ko"
	in_ns "$A" "$vpcctl" lanes set tapB --uplink up0
	sleep 0.0$((RANDOM % 10))
	(($1 % 10)) || lanes_of . >"$tmp/shown"
	! (($1 % 10)) || in_ns "$A" "$vpcctl" lanes unset tapB
	rmmod tun_mq
}
reload() {
	local n
	for ((n = 1; n <= cycles; n++)); do
		cycle "$n" >/dev/null
	done
}
began=$SECONDS
check "$cycles times load, set, unset, unload" reload
note "took $((SECONDS - began)) s"
touch "$tmp/stop"
# shellcheck disable=SC2086
wait $talks

sent() { jq -s 'map(.sent | add) | add' "$tmp/$1.sent"; }
all_came() { # all_came FROM TO
	local want
	want=$(sent "$1")
	echo "sent $want, refused $(jq -s 'map(.errors) | add' "$tmp/$1.sent")"
	vm "$2" wait --frames "$want" || true
	vm "$2" stats | jq -c '.series[]'
	echo "tap$2 dropped $(stat "$A" "tap$2" tx_dropped)"
	[[ $(vm "$2" stats | jq "[.stamped, .lost, .duplicate] == [$want, 0, 0]") == true ]]
}
check "A to B: nothing is lost or doubled" all_came A B
check "B to A: nothing is lost or doubled" all_came B A
in_order() {
	vm "$1" stats | jq -c '.series[]'
	[[ $(vm "$1" stats | jq '[.series[].overtaken] == [0, 0, 0, 0]') == true ]]
}
check "A to B: each queue in order" in_order B
check "B to A: each queue in order" in_order A

# That all this was not for nothing.
moved() {
	jq -c . "$tmp/shown"
	[[ $(jq '[.. | .rx_packets? // empty] | add > 0' "$tmp/shown") == true ]]
}
check "lanes led packets meanwhile" moved

ksft_end
