#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# One packet with tunnels in tunnels, each of which ends on this host: all of
# them are taken off, without the stack going as deep as the packet does.
#
#	A: the program - eth0 10.1.0.1 --- eth0 10.1.0.2 - m7 key 7 :B

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
ip -n "$B" link add m7 type "$KIND" local 10.1.0.2 remote 10.1.0.1 key 7
ip -n "$B" link set m7 up

nested() { # nested DEPTH: so many frames come out of m7
	local before after
	before=$(stat "$B" m7 rx_packets)
	"$here/mqgre_nested.py" "$A" "$B" "$1"
	arrived() { [[ $(($(stat "$B" m7 rx_packets) - before)) == "$1" ]]; }
	until_true 5 arrived "$1"
	after=$(stat "$B" m7 rx_packets)
	echo "$((after - before)) frames"
	((after - before == $1))
}
for depth in 1 2 3 8 30; do
	check "$depth tunnels, one in the other" nested $depth
done
gro() { # through NAPI and GRO, after which frames go up at once
	in_ns "$B" ethtool -K eth0 gro on
	nested 30
}
check "30 tunnels, by way of GRO" gro

ksft_end
