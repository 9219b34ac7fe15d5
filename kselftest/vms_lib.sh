# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of vpcctl share: two VMs on a bridge, beside an uplink with
# eight lanes. Sourced after lib.sh.
#
#	VM a - tapA - br0 - tapB - VM b
#	8 queues       |    4 queues
#	              up0, 8 lanes
#
# tapA is not managed: its queue q is lane q for tapB, which is.

. "$here/standin_lib.sh"
count=20

ctl() { in_ns "$A" "$programs/vpcctl" "$@"; }
lanes() { ctl lanes "$@"; }

cleanup() {
	kill_vms
	# Other tests load it in their own way.
	unload_tun_mq
}

start_vms() {
	modprobe -a tun bridge
	modprobe dummy numdummies=0
	ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$A" link add up0 numtxqueues 8 type dummy
	ip -n "$A" link set up0 up
	ip -n "$A" link set br0 up
	boot_vm A 8
	boot_vm B 4
	join A
	join B
	vm A ping --to 10.9.0.2 >/dev/null
}

# followed BASE: what A sends on queue q comes up on B's queue (q - BASE) mod 8,
# modulo B's four.
followed() {
	local want seen q
	want=$(for q in {0..7}; do
		jq -nc "[range(4) | if . == (($q + 8 - $1) % 8 % 4) then $count else 0 end]"
	done)
	vm B reset >/dev/null
	vm A send --to 10.9.0.2 --count $count --rate 500 >/dev/null
	vm B wait --frames $((8 * count)) >/dev/null
	seen=$(vm B stats | jq -c '.series | sort_by(.from_queue) | .[].by_queue')
	paste <(echo "$want") <(echo "$seen")
	[[ $seen == "$want" ]]
}

# shown TAP FILTER: what `lanes show --json` says of the tap satisfies FILTER.
shown() {
	lanes show "$1" --json | tee /dev/stderr | jq -e ".taps[0] | $2" >/dev/null
}
