#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Congestion marks of the underlay reach the inner IP header (RFC 6040), also
# behind a VLAN tag, and nothing else of the frame is touched.
#
#   +----- a ------+              +----- b ------+
#   |              |              |           m0 |
#   | v0 192.0.2.1 +--------------+ 192.0.2.2 v0 |
#   +--------------+     veth     +--------------+

# shellcheck source=kselftest/lib.sh
. "$(dirname -- "$0")/lib.sh"

# carried OUTER INNER RESULT: what becomes of the inner TOS.
carried() {
	"$here/mqgre_ecn.py" "$a" "$b" "$@"
}

dropped() {
	local before
	before=$(counter "$b" m0 rx_bad_ecn)
	"$here/mqgre_ecn.py" "$a" "$b" 3 0 dropped
	(($(counter "$b" m0 rx_bad_ecn) > before))
}

load_kind
new_ns a b
veth_pair "$a" v0 192.0.2.1 "$b" v0 192.0.2.2
tunnel "$b" m0 "$KIND" 10.0.0.2 remote 192.0.2.1 local 192.0.2.2 key 7
check "no mark outside leaves the inner one alone" carried 0 2 2
check "congestion outside marks a packet that can take it" carried 3 2 3
check "congestion outside leaves a marked one marked" carried 3 3 3
check "a packet that cannot take the mark is dropped, and counted" dropped
ksft_end
