#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that end too early, at every length: the outer packet, the GRE header,
# the frame in it; with the IP header telling the truth and lying. Each raises
# the counter that is meant for it and nothing else; a frame that is all there
# arrives, and not one byte more or less of it.
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
			"$here/mqgre_bad_short.py" "$encap" "$shape" "$A" "$B"
	done
done

nic_at_b
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	results "$encap, driver" \
		"$here/mqgre_bad_short.py" "$encap" driver "$B" "$B"
done
ksft_end
