#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# GRE packets whose headers are wrong, odd, or right and rare: each raises the
# counter that is meant for it, and no other; nothing is delivered that should
# not be; after each the tunnel works. In every encapsulation, and however the
# packet's bytes lie in memory.
#
#	                            / m7 key 7
#	A: the program - eth0 --- eth0 - m8 key 8, csum :B

. "$(dirname -- "$0")/lib.sh"
. "$(dirname -- "$0")/badpkt.sh"

load_kind
two_ends
find_encaps
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	for shape in $(some_of "$encap" linear paged list); do
		results "$encap, $shape" \
			"$here/mqgre_bad_header.py" "$encap" "$shape" "$A" "$B"
	done
done

# The same, from a NIC that puts packets together from many pieces.
nic_at_b
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	results "$encap, driver" \
		"$here/mqgre_bad_header.py" "$encap" driver "$B" "$B"
done
ksft_end
