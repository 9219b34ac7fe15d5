#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Frames that a guest may send and that are none, or that lie: shorter than
# Ethernet's header, and with virtio-net headers that ask for checksums and
# segments where there are none. From a packet socket on the tunnel, and from a
# tap over a bridge. Each goes out in a sound packet or is counted as dropped,
# and the tunnel goes on.
#
#	                       / m7 key 7 ------ br0 - tap0: the program
#	A: sees --- eth0 --- eth0 - m8 key 8, csum /
#	                        \ m9 key 9, everything inherited            :B

. "$(dirname -- "$0")/lib.sh"
. "$(dirname -- "$0")/badpkt.sh"

load_kind
modprobe -q tun || true
two_ends
ip -n "$B" tuntap add tap0 mode tap vnet_hdr
ip -n "$B" link add br0 type bridge mcast_snooping 0
ip -n "$B" link set tap0 master br0
ip -n "$B" link set tap0 up
ip -n "$B" link set br0 up
ip -n "$B" tuntap add tun0 mode tun
ip -n "$B" link set tun0 up
bridge -n "$B" link set dev tap0 learning off

bad_tx() { # bad_tx WHAT
	results "$encap, $1" "$here/mqgre_bad_tx.py" "$encap" "$A" "$B" "$1"
}

find_encaps
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	read -ra words < <(encap_link "$encap" 2 1)
	ip -n "$B" link del m9 2>/dev/null || true
	inherit=(ttl inherit tos inherit)
	[[ $encap == *6 ]] || inherit+=(nopmtudisc)
	tunnel "$B" m9 "${words[0]}" 10.9.0.2 "${words[@]:1}" key 9 "${inherit[@]}"
	bad_tx short

	tc -n "$B" qdisc replace dev tun0 clsact
	tc -n "$B" filter add dev tun0 ingress matchall action mirred egress redirect dev m7
	bad_tx headless
	tc -n "$B" qdisc del dev tun0 clsact

	# Cut: the stack makes segments and sums, as it was told to. Else the wire
	# takes the packets as they are.
	for what in $(some_of "$encap" m7 m7-cut m9-cut m8-cut); do
		ip -n "$B" link set "${what%-*}" master br0
		on=on
		[[ $what != *-cut ]] || on=off
		in_ns "$B" ethtool -K eth0 tx $on gso $on tso $on >/dev/null
		bad_tx "$what"
		ip -n "$B" link set "${what%-*}" nomaster
	done
done
ksft_end
