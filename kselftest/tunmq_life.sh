#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever comes and goes under traffic: taps, uplinks, queues, names,
# namespaces, the tun module and tun_mq itself.
#
#	A: tapa - br0 - tapb      up8: the uplink, a dummy with 8 queues
#	   4 queues     4 queues

. "$(dirname -- "$0")/lib.sh"
. "$here/taps_lib.sh"

new_ns B C
tunmq_begin
boot_vms() {
	boot_vm a 4
	boot_vm b 4
	join a
	join b
	vm a ping --to "$(at b)" >/dev/null
}
set_lanes() {
	lanes set tapa --uplink up8 --base 0
	lanes set tapb --uplink up8 --base 2
}
dummy_uplink up8 8
boot_vms
stock=$(arrivals a b)
no_taps() { [[ $(lanes show --json | jq -c .) == '{"taps":[]}' ]]; }
as_stock() {
	local seen
	seen=$(arrivals a b)
	diff <(echo "$stock") <(echo "$seen")
}
set_lanes
check "lanes lead to their queue" led a b

# flood: A sends to B on all queues, until calm.
flood() {
	vm a send --to "$(at b)" --count 1000000 --rate 500 >/dev/null 2>&1 &
	sleep 0.3
}
# A VM goes on with its command, whoever asked for it: so another one comes.
calm() {
	kill_vm a
	boot_vm a 4
	join a
	vm a ping --to "$(at b)" >/dev/null
}

queues_change() { # 3 queues, 2, 4; under traffic
	"$here/tap_queue.py" "$(pid_of b)" 3 off
	is tapb .num_queues 3
	led a b
	"$here/tap_queue.py" "$(pid_of b)" 2 off
	is tapb .num_queues 2
	led a b
	"$here/tap_queue.py" "$(pid_of b)" 2 on 3 on
	is tapb .num_queues 4
	led a b
	flood
	"$here/tap_queue.py" "$(pid_of b)" 3 off 2 off 2 on 3 on 60
	calm
	set_lanes
	is tapb .num_queues 4
	led a b
}
check "queues attach and detach" queues_change

renamed() {
	ip -n "$A" link set tapb name vnet7
	echo vnet7 >"$tmp/b.tap"
	ip -n "$A" link set up8 name eth8
	is vnet7 '"\(.uplink_name) \(.base)"' 'eth8 2'
	fails lanes show tapb
	led a b
	lanes set vnet7 --base 5
	led a b
	ip -n "$A" link set vnet7 name tapb
	ip -n "$A" link set eth8 name up8
	echo tapb >"$tmp/b.tap"
	lanes set tapb --base 2
	led a b
}
check "tap and uplink are renamed" renamed

travelled() { # to another namespace, where it is another's, and back
	ip -n "$A" link set tapb netns "$B"
	fails lanes show tapb
	lanes_ns=$B
	is tapb '"\(.base) \(.lanes) \(.mode)"' "2 8 $mode"
	# A neighbour there.
	ip -n "$B" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$B" link set br0 up
	dummy_uplink upb 8 "$B"
	boot_vm c 4 "$B"
	echo "$B" >"$tmp/b.ns"
	join b
	join c
	vm c ping --to "$(at b)" >/dev/null
	lanes set tapc --uplink upb --base 1
	led c b
	lanes set tapb --uplink upb --base 3
	led c b
	halt_vm c
	ip -n "$B" link set tapb netns "$A"
	lanes_ns=
	echo "$A" >"$tmp/b.ns"
	join b
	is tapb '"\(.base) \(.lanes)"' '3 8'
	vm a ping --to "$(at b)" >/dev/null
	led a b
	lanes set tapb --uplink up8 --base 2
	led a b
	ip -n "$B" link del upb
	led a b
}
check "the tap moves to another namespace and back" travelled

far_uplink() { # the uplink moves, the lanes stay
	ip -n "$A" link set up8 netns "$B"
	led a b
	ip -n "$B" link set up8 netns "$A"
	led a b
}
check "the uplink moves to another namespace and back" far_uplink

missed() { (($(show "$1" ".$2") > 0)); }
uplink_gone() { # deleted under traffic: as without lanes, and counted
	flood
	ip -n "$A" link del up8
	is tapb '"\(.uplink_name) \(.lanes) \(.base)"' 'null 0 2'
	until_true 20 missed tapa tx_no_lanes
	[[ $TUN == patched ]] || until_true 20 missed tapb rx_no_lanes
	calm
	as_stock
	dummy_uplink up8 8
	set_lanes
	led a b
}
check "the uplink is deleted" uplink_gone

tap_gone() { # deleted under traffic, and one of the same name has no lanes
	flood
	ip -n "$A" link del tapb
	gone_vm b
	fails lanes show tapb
	boot_vm b 4
	join b
	calm
	has_no_lanes tapb
	as_stock
	set_lanes
	led a b
	# The VM goes, and with it the tap.
	halt_vm b
	fails lanes show tapb
	boot_vm b 4
	join b
	has_no_lanes tapb
	vm a ping --to "$(at b)" >/dev/null
	lanes set tapb --uplink up8 --base 2
	led a b
}
check "the tap is deleted" tap_gone

ns_gone() { # with taps and uplink in it
	# No process may live there, or it would not end.
	boot_vm d 4
	ip -n "$A" link set tapd netns "$C"
	dummy_uplink upc 8 "$C"
	lanes_ns=$C
	lanes set tapd --uplink upc
	# A tap that stays loses its uplink.
	ip -n "$A" link set up8 netns "$C"
	ip netns del "$C"
	gone_vm d
	lanes_ns=
	until_true 10 is tapb .lanes 0
	dummy_uplink up8 8
	set_lanes
	led a b
}
check "a namespace ends with taps and uplinks in it" ns_gone

one_by_one() { # let go tap by tap: the others keep their lanes
	lanes unset tapb
	has_no_lanes tapb
	as_stock
	is tapa .lanes 8
	lanes set tapb --uplink up8 --base 2
	led a b
	lanes unset tapa
	lanes unset tapb
	as_stock
	set_lanes
	led a b
}
check "taps are let go one by one: stock again" one_by_one

module_gone() { # with taps managed and traffic before and after
	unload_tun_mq
	as_stock
	[[ $TUN == stock ]] || [[ $(in_ns "$A" cat /sys/class/net/tapb/lanes) == off ]]
	no_redirect
	load_tun_mq
	no_taps
	as_stock
	set_lanes
	led a b
}
no_redirect() {
	local t=/sys/kernel/tracing
	mountpoint -q $t || mount -t tracefs tracefs $t
	fails grep tun_select_queue $t/enabled_functions
}
check "the module is unloaded with taps managed: stock again" module_gone

tun_gone() { # the driver is unloaded and loaded under the module
	halt_vm a
	halt_vm b
	unload_tun
	no_redirect
	no_taps
	load_tun
	boot_vms
	as_stock
	set_lanes
	led a b
	[[ $TUN == patched ]] || grep -q tun_select_queue /sys/kernel/tracing/enabled_functions
}
check "tun is unloaded and loaded" tun_gone

tun_later() { # the module is there first
	halt_vm a
	halt_vm b
	unload_tun_mq
	unload_tun
	load_tun_mq
	no_taps
	load_tun
	boot_vms
	set_lanes
	led a b
}
check "tun is loaded after the module" tun_later

ksft_end
