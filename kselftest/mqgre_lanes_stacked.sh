#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The lane reaches the lowest device with several queues, through what is
# stacked on it; with XPS there set to want another queue.
#
#	A: tap0 - br0 - m0 - top 10.1.0.1 - ... - d0 (d1)
#	   4 queues    mqgre                      dummy or veth, 4 queues

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"

load_kind
modprobe -a tun bridge dummy veth bonding 8021q
new_ns A
start_vm 02:00:00:00:00:99
# Numbers of queues below; modulo these the lanes are kept.
all=$(printf '%x' $(((1 << $(nproc)) - 1)))

# lowest DEV [QUEUES]: a dummy whose queues are counted.
lowest() {
	ip -n "$A" link add "$1" numtxqueues "${2:-4}" type dummy
	count_at "$1"
}
count_at() {
	ip -n "$A" link set "$1" up
	tc -n "$A" qdisc replace dev "$1" root mq
	card=$1
	# All CPUs are sent to the last queue, as far as XPS is asked.
	xps 0 0 0 "$all" 2>/dev/null || xps 0 "$all"
}
# use DEV: it has the address, and knows the neighbour.
use() {
	ip -n "$A" link set "$1" up
	ip -n "$A" addr add 10.1.0.1/24 dev "$1"
	ip -n "$A" neigh replace 10.1.0.2 dev "$1" lladdr 02:00:00:00:00:22 nud permanent
}
clean() {
	local dev
	for dev in m0 top bond0 d0 d1; do
		ip -n "$A" link del "$dev" 2>/dev/null || true
	done
}

over() { # over SET-UP [N]
	clean
	"$1"
	# The tunnel's own number comes from the queues below.
	make_port "${port_dev-top}"
	every_lane "${2:-4}"
}

on_dummy() {
	lowest top "${1:-4}"
	use top
}
check "a dummy" over on_dummy

on_veth() {
	ip -n "$A" link add top numtxqueues 4 numrxqueues 4 type veth \
		peer name d1 numtxqueues 4 numrxqueues 4
	ip -n "$A" link set d1 up
	use top
	count_at top
}
check "a veth" over on_veth

on_few() { on_dummy 2; }
check "two queues only: modulo" over on_few 2

on_vlan() {
	lowest d0
	ip -n "$A" link add link d0 name top type vlan id 5
	use top
}
check "a VLAN on a dummy" over on_vlan

bond_of() { # bond MODE
	lowest d1
	lowest d0
	ip -n "$A" link add top type bond mode "$1"
	ip -n "$A" link set d0 down
	ip -n "$A" link set d0 master top
	use top
	count_at d0
}
on_active() { bond_of active-backup; }
check "a bond (active-backup) of a dummy" over on_active
on_rr() { bond_of balance-rr; }
check "a bond (balance-rr) of a dummy" over on_rr
on_both() {
	lowest d0
	ip -n "$A" link set d0 down
	ip -n "$A" link add bond0 type bond mode active-backup
	ip -n "$A" link set d0 master bond0
	ip -n "$A" link set bond0 up
	count_at d0
	ip -n "$A" link add link bond0 name top type vlan id 6
	use top
}
check "a VLAN on a bond of a dummy" over on_both

on_bridge() {
	lowest d0
	ip -n "$A" link add top type bridge forward_delay 0 mcast_snooping 0
	ip -n "$A" link set d0 master top
	use top
	ip netns exec "$A" bridge fdb replace 02:00:00:00:00:22 dev d0 master static
	until_true 5 in_ns "$A" grep -qx 3 /sys/class/net/d0/brport/state
}
check "a bridge with a dummy as port" over on_bridge

port_dev=
check "the uplink is found by the route" over on_vlan

number() { # of the tunnel's queues: as many as the lowest device has
	over on_vlan
	in_ns "$A" find /sys/class/net/m0/queues -name 'tx-*' | wc -l
	[[ $(in_ns "$A" ethtool -l m0 | awk '/^TX:/ { v = $2 } END { print v }') == 4 ]]
}
check "the number of queues is that of the lowest device" number

ksft_end
