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

standin=$here/../build/bin/standin
count=20

ctl() { in_ns "$A" "$here/../build/bin/vpcctl" "$@"; }
lanes() { ctl lanes "$@"; }

# Other tests load it in their own way.
cleanup() { unload_tun_mq; }

start_vms() {
	modprobe -a tun bridge
	modprobe dummy numdummies=0
	ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$A" link add up0 numtxqueues 8 type dummy
	ip -n "$A" link set up0 up
	ip -n "$A" link set br0 up
	start_vm A 8
	start_vm B 4
	vm A ping --to 10.9.0.2 >/dev/null
}

declare -A vm_pid
start_vm() { # start_vm A|B QUEUES
	local n=$(($(printf %d "'$1") - 64))
	ip netns exec "$A" "$standin" --tap "tap$1" --queues "$2" --up \
		--mac 02:00:00:00:00:0$n --ip 10.9.0.$n/24 --id $n \
		--control "$tmp/$1.sock" 2>/dev/null &
	# shellcheck disable=SC2034 # for the tests
	vm_pid[$1]=$!
	ksft_pids+=($!)
	until_true 20 vm "$1" stats
	ip -n "$A" link set "tap$1" master br0 up
	until_true 20 in_ns "$A" grep -qx 3 "/sys/class/net/tap$1/brport/state"
}
vm() { "$standin" ctl "$tmp/$1.sock" "${@:2}"; }

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
