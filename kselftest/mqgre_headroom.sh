#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Headroom does not grow without bound, however often devices on top of each
# other are changed (CVE-2024-26804): offsets in a packet are 16 bits wide.
#
#   +------------- ns --------------+
#   | m1  remote 10.2.0.9, over m2  |
#   | m2  remote 10.1.0.9, over m1  |
#   +-------------------------------+

# shellcheck source=kselftest/lib.sh
. "$(dirname -- "$0")/lib.sh"

# Each change would add the other one's headroom to its own.
changes() {
	in_ns "$ns" python3 - <<EOF
import socket, sys
sys.path.insert(0, "$here")
import nl
rtnl = nl.Rtnl()
for n in range(1400):
    for name in "m1", "m2":
        ttl = nl.attr(nl.GRE.index("ttl"), bytes([64 + n % 2]))
        rtnl.new_link(name, "mqgre", ttl, create=False)
EOF
}

load_kind
new_ns ns
tunnel "$ns" m1 "$KIND" 10.1.0.1 remote 10.2.0.9 key 1
tunnel "$ns" m2 "$KIND" 10.2.0.1 remote 10.1.0.9 key 2
ip -n "$ns" neigh add 10.1.0.9 lladdr 02:00:00:00:00:01 dev m1
ip -n "$ns" neigh add 10.2.0.9 lladdr 02:00:00:00:00:02 dev m2
check_refused "a tunnel over itself is refused" "by itself" \
	ip -n "$ns" link set m1 type "$KIND" dev m1
check "two devices over each other are changed again and again" changes
check "packets do not bring the kernel down" no_ping "$ns" 10.1.0.9
(($(counter "$ns" m1 tx_recursion) + $(counter "$ns" m2 tx_recursion) > 0)) &&
	pass "and are counted as recursion" || fail "and are counted as recursion"
ksft_end
