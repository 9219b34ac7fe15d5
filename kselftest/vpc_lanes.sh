#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Lanes pass through vpc_hook, both ways: what a VM sends on its queue q goes to the
# wire, and to other VMs, on their queue q; what comes by queue q of a card goes to
# queue q of a port.
#
#	A: red1 - br0 - mgre0 - eth0 ~~~ eth0 :B
#	    tapred3 -+        - wire0 ~~~ vpc_lanes.py
#
# All have four queues. tapred3 is a veth, which shows the queues that its frames
# leave by, since a tap has an own mind; wire0 is a tap, whose queues a test can send on.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

vm_queues=4
count=50
four=(numtxqueues 4 numrxqueues 4)
join_hosts() {
	ip link add eth0 netns "$A" "${four[@]}" type veth peer name eth0 netns "$B" "${four[@]}"
	ip -n "$A" addr add $addr_A/24 dev eth0
	ip -n "$B" addr add $addr_B/24 dev eth0
	ip -n "$A" link set eth0 mtu 1600 up
	ip -n "$B" link set eth0 mtu 1600 up
	counting eth0
	# Nobody has to ask for it.
	ip -n "$A" neigh replace $addr_B dev eth0 nud permanent \
		lladdr "$(in_ns "$B" cat /sys/class/net/eth0/address)"
}
# counting DEV: the queues of a device of A count from now on.
counting() { tc -n "$A" qdisc replace dev "$1" root handle 1: mq; }
# queues DEV: packets that each of its queues has sent, on one line.
queues() {
	tc -n "$A" -s class show dev "$1" | awk '/^class mq / { on = 1 }
		on && $1 == "Sent" { printf "%s ", $4; on = 0 }'
}

two_hosts
new_vm red1 "$A"
echo "$A" >"$tmp/red3.ns"
echo tapred3 >"$tmp/red3.tap"
ip -n "$A" link add tapred3 "${four[@]}" type veth peer name vmred3 "${four[@]}"
make_port red3
ip -n "$A" link set vmred3 up
join red3
counting tapred3
route "$A" red2 $addr_B
coproc WIRE { ip netns exec "$A" "$here/vpc_lanes.py" wire0 4 "$(mac_of red3)" "$(ip4_of red3)"; }
ksft_pids+=("$WIRE_PID")
exec {to_wire}>&"${WIRE[1]}" {from_wire}<&"${WIRE[0]}"
read -r <&"$from_wire"
ctl "$A" remote add red 10.2.0.2

# leaves QUEUE DEV... -- COMMAND...: what it sends leaves those devices by that queue,
# all of it, and by no other.
leaves() {
	local queue=$1 devices=() before=() after dev n=0
	shift
	while [[ $1 != -- ]]; do devices+=("$1"); shift; done
	for dev in "${devices[@]}"; do before+=("$(queues "$dev")"); done
	"${@:2}"
	sleep 0.2
	for dev in "${devices[@]}"; do
		after=$(queues "$dev")
		echo "$dev: ${before[n]}, then $after"
		# A neighbour of the host may be looked for meanwhile.
		awk -v queue="$queue" -v count=$count '{
			for (at = 0; at < 4; at++) {
				rise = $(at + 5) - $(at + 1)
				if (rise >= count + 5 || (rise >= count) != (at == queue) ||
				    at != queue && rise >= 5)
					exit 1
			} }' <<<"${before[n]} $after"
		n=$((n + 1))
	done
}
from_vm() { vm red1 send --to "$2" --queue "$1" --count $count --rate 400 >/dev/null; }
from_wire() {
	echo "$1 $count" >&"$to_wire"
	read -r <&"$from_wire"
}
all=10.9.0.255@ff:ff:ff:ff:ff:ff
for queue in 0 1 2 3; do
	check "VM queue $queue, to a remote" leaves $queue eth0 -- from_vm $queue "$(at red2)"
	check "VM queue $queue, to a port" leaves $queue tapred3 -- from_vm $queue "$(at red3)"
	check "VM queue $queue, to all" leaves $queue eth0 tapred3 -- from_vm $queue $all
	check "queue $queue of the wire, to a port" leaves $queue tapred3 -- from_wire $queue
done
ksft_end
