#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# GRE packets in IP fragments that are joined, and in such as cannot be: they
# overlap, leave holes, end twice, are empty, or are more than a packet can be.
# The stack drops and counts those; none of their bytes reaches a tunnel.
#
#	                            / m7 key 7
#	A: the program - eth0 --- eth0 - m8 key 8, csum :B

. "$(dirname -- "$0")/lib.sh"
. "$(dirname -- "$0")/badpkt.sh"

load_kind
two_ends
# What waits for its other fragments waits until the end of the test, or its
# counters would be another case's.
in_ns "$B" sysctl -qw net.ipv4.ipfrag_time=600 net.ipv6.ip6frag_time=600
find_encaps
for encap in "${encaps[@]}"; do
	# Fragments of IPv6 are joined behind the hook that takes its packets, so
	# none of these are received: see docs/design.md.
	[[ $encap != gre6 ]] || continue
	tunnels "$encap"
	for shape in $(some_of "$encap" linear paged); do
		results "$encap, $shape" \
			"$here/mqgre_bad_fragment.py" "$encap" "$shape" "$A" "$B"
	done
done
ksft_end
