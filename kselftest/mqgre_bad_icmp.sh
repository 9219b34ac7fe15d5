#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors that quote what the tunnel has sent, and such as quote rubbish:
# cut off at every length, of other protocols, other addresses, with header
# options, with MTUs that cannot be. Only a sound one changes the path's MTU,
# and whatever came, the tunnel carries frames both ways.
#
#	                            / m7 key 7
#	A: the program - eth0 --- eth0 - m8 key 8, csum :B

. "$(dirname -- "$0")/lib.sh"
. "$(dirname -- "$0")/badpkt.sh"

load_kind
two_ends
# Every error counts: none is held back because there were others.
in_ns "$B" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
find_encaps
for encap in "${encaps[@]}"; do
	tunnels "$encap"
	for shape in $(some_of "$encap" linear list); do
		results "$encap, $shape" \
			"$here/mqgre_bad_icmp.py" "$encap" "$shape" "$A" "$B"
	done
done
ksft_end
