#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tens of thousands of packets with random faults, in both directions, against
# a plain model of what must become of each: which counter it raises, which
# frame is delivered, which packet goes out. The seed is fixed and printed;
# KSFT_SEED sets another, KSFT_ROUNDS (default 1) multiplies the number.
#
#	                            / m7 key 7
#	A: the program - eth0 --- eth0 - m8 key 8, csum :B

. "$(dirname -- "$0")/lib.sh"
. "$(dirname -- "$0")/badpkt.sh"

rounds=${KSFT_ROUNDS:-1}
load_kind
two_ends
in_ns "$B" sysctl -qw net.ipv4.ipfrag_time=600 net.ipv6.ip6frag_time=600
# What is on the wire is final.
in_ns "$B" ethtool -K eth0 tx off >/dev/null
find_encaps
count=$((10000 * rounds / ${#encaps[@]}))
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	fuzz() { # fuzz SHAPE WHAT COUNT
		results "$encap, $1" \
			"$here/mqgre_fuzz.py" "$encap" "$1" "$A" "$B" "$2" "$3"
	}
	fuzz linear judged "$count"
	fuzz paged judged $((count / 3))
	fuzz list judged $((count / 3))
	fuzz linear anything "$count"
	fuzz linear offloads $((count / 3))
	fuzz linear sent "$count"
	fuzz paged sent $((count / 3))
done
ksft_end
