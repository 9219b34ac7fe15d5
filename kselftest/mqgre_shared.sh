#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets whose bytes others hold, too (clones: for packet taps, mirrors, the
# ports that a bridge floods to). The tunnel changes headers; those others must
# not see it, and what the tunnel makes must be right.
#
#	                               / m7 key 7     - br0 - p0 --- p1 of A
#	A: the program - eth0 --- eth0 - m8 key 8, csum /
#	                           |
#	                          mirror - d0 (a dummy)                     :B

. "$(dirname -- "$0")/lib.sh"
. "$(dirname -- "$0")/badpkt.sh"

load_kind
two_ends
ip -n "$B" link add d0 type dummy
ip -n "$B" link add d1 type dummy
ip -n "$B" link add br0 type bridge mcast_snooping 0
ip -n "$B" link add p0 type veth peer name p1 netns "$A"
ip -n "$A" link set p1 up
for dev in d0 d1 br0 p0; do
	ip -n "$B" link set "$dev" up
done
ip -n "$B" link set p0 master br0
# What the program sends is flooded, wherever it comes from.
bridge -n "$B" link set dev p0 learning off

# mirror FROM TO HOOK
mirror() {
	tc -n "$B" qdisc replace dev "$1" clsact
	tc -n "$B" filter add dev "$1" "$3" matchall action mirred egress mirror dev "$2"
}
mirror eth0 d0 ingress
# What is on the wire is final.
in_ns "$B" ethtool -K eth0 tx off >/dev/null
find_encaps
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	mirror m7 d1 egress
	for shape in $(some_of "$encap" linear paged list); do
		results "$encap, $shape" \
			"$here/mqgre_shared.py" "$encap" "$shape" "$A" "$B"
	done
	ip -n "$B" link set m7 master br0
	ip -n "$B" link set m8 master br0
	bridge -n "$B" link set dev m7 learning off
	bridge -n "$B" link set dev m8 learning off
	for shape in $(some_of "$encap" linear paged); do
		results "$encap, $shape, flooded" \
			"$here/mqgre_shared.py" "$encap" "$shape" "$A" "$B" flood
	done
done
ksft_end
