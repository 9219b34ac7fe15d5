#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The module's parameter auto=1: multiqueue taps are taken when they join a
# bridge, and let go when they leave; what the operator sets is theirs.
#
#	A: t0, t1, ... - br0 - up8: a dummy with 8 queues

. "$(dirname -- "$0")/lib.sh"
. "$here/taps_lib.sh"

tunmq_begin
dummy_uplink up8 8
join_br0() { ip -n "$A" link set "$1" master br0; }
leave_br0() { ip -n "$A" link set "$1" nomaster; }
# taken TAP UPLINK BASE
taken() {
	is "$1" '"\(.auto) \(.uplink_name) \(.base) \(.weight) \(.mode) \(.pinned)"' \
		"true $2 $3 1 $mode false"
}

hold add t0 4
hold add t1 4
hold add t2 4
join_br0 t0
join_br0 t1
nothing() {
	join_br0 up8
	[[ $(lanes show --json | jq '.taps | length') == 0 ]]
	[[ $(cat /sys/module/tun_mq/parameters/auto 2>/dev/null || echo N) == N ]]
	leave_br0 up8
}
check "without the parameter nothing is taken" nothing

at_load() {
	unload_tun_mq
	load_tun_mq auto=1
	is t0 '"\(.auto) \(.uplink_name) \(.lanes)"' 'true null 0'
	is t1 .auto true
	has_no_lanes t2
}
check "what is in a bridge already is taken when the module comes" at_load
later() {
	join_br0 up8
	taken t0 up8 0
	taken t1 up8 4
	is t1 '"\(.lanes) \(.to_vm)"' '8 lanes'
}
check "... and gets its lanes when an uplink joins" later
joins() {
	join_br0 t2
	taken t2 up8 0
}
check "a tap that joins later is taken" joins
leaves() {
	leave_br0 t2
	has_no_lanes t2
	taken t1 up8 4
	join_br0 t2
	taken t2 up8 0
	hold del t2
	fails lanes show t2
}
check "... and let go when it leaves or goes" leaves

others() { # what is not taken: taps with one queue, tun devices, dummies; other masters
	hold add t3 0
	join_br0 t3
	has_no_lanes t3
	hold del t3
	modprobe bonding max_bonds=0 2>/dev/null || return 0
	hold add t4 4
	ip -n "$A" link add bond0 type bond mode active-backup
	ip -n "$A" link set t4 down
	ip -n "$A" link set t4 master bond0
	has_no_lanes t4
	ip -n "$A" link set t4 nomaster
	ip -n "$A" link del bond0
	hold del t4
}
check "single queues and other masters are left alone" others

operator() { # what is set is the operator's: it stays when the tap leaves
	lanes set t1 --base 1
	is t1 '"\(.auto) \(.base) \(.pinned)"' 'false 1 true'
	leave_br0 t1
	is t1 '"\(.auto) \(.base) \(.uplink_name)"' 'false 1 up8'
	join_br0 t1
	is t1 '"\(.auto) \(.base)"' 'false 1'
	# And what is let go stays so, until it joins again.
	lanes unset t1
	has_no_lanes t1
	leave_br0 up8
	join_br0 up8
	has_no_lanes t1
	leave_br0 t1
	join_br0 t1
	is t1 .auto true
}
check "the operator's choice wins" operator

uplink_gone() {
	ip -n "$A" link del up8
	is t0 '"\(.auto) \(.uplink_name) \(.lanes)"' 'true null 0'
	dummy_uplink up3 3
	join_br0 up3
	taken t0 up3 0
	is t0 .lanes 3
	is t1 '"\(.uplink_name) \(.base)"' 'up3 1'
}
check "an uplink that goes is replaced by one that comes" uplink_gone

below() { # of the ports that are no taps, the widest; of a tunnel, what it is bound to
	leave_br0 up3
	ip -n "$A" link del up3
	dummy_uplink below 5
	load_kind
	ip -n "$A" link add m0 numtxqueues 8 numrxqueues 8 type mqgre \
		local 10.1.0.1 remote 10.1.0.2 key 7 dev below
	join_br0 m0
	is t0 '"\(.uplink_name) \(.lanes)"' 'below 5'
	ip -n "$A" link del m0
}
check "the uplink behind a tunnel is found" below

wire() { # a veth's other end is not below it
	ip -n "$A" link del below
	is t0 .lanes 0
	ip -n "$A" link add veth0 numtxqueues 4 numrxqueues 4 type veth \
		peer name veth1 numtxqueues 2 numrxqueues 2
	join_br0 veth0
	is t0 '"\(.uplink_name) \(.lanes)"' 'veth0 4'
	ip -n "$A" link del veth0
	# Nor is whatever has the other end's index here.
	new_ns far
	dummy_uplink decoy 6
	ip -n "$A" link add veth0 numtxqueues 4 numrxqueues 4 type veth \
		peer name veth1 index "$(in_ns "$A" cat /sys/class/net/decoy/ifindex)" netns "$far"
	join_br0 veth0
	is t0 '"\(.uplink_name) \(.lanes)"' 'veth0 4'
	ip netns del "$far"
}
check "a veth is its own uplink" wire

taken_back() {
	unload_tun_mq
	load_tun_mq
	[[ $(lanes show --json | jq '.taps | length') == 0 ]]
}
check "unloaded and loaded without it, nothing is taken" taken_back

ksft_end
