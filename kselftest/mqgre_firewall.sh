#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The host's firewall sees the outer packets before the tunnel takes them:
# rules drop them, conntrack knows their connection, and packets come back
# from a queue to user space.
#
#   +----- a ------+              +----- b ------+
#   | m0  10.0.0.1 |              | 10.0.0.2  m0 |
#   | v0 192.0.2.1 +--------------+ 192.0.2.2 v0 |
#   +--------------+     veth     +------ nft ---+

# shellcheck source=kselftest/lib.sh
. "$(dirname -- "$0")/lib.sh"

rules() {
	in_ns "$b" nft flush ruleset
	in_ns "$b" nft -f - <<EOF
table ip fw {
	counter fresh { }
	counter known { }
	chain in {
		type filter hook input priority filter; policy accept;
		$1
	}
}
EOF
}

# hits COUNTER: packets that an nft counter has counted.
hits() {
	in_ns "$b" nft -j list counter ip fw "$1" |
		jq '.nftables[] | select(.counter) | .counter.packets'
}

dropped_by_rule() {
	rules 'ip protocol gre drop'
	no_ping "$a" 10.0.0.2
	rules ''
	pings "$a" 10.0.0.2
}

# Were the connection not confirmed, each packet would begin a new one.
one_connection() {
	rules 'ip protocol gre ct state new counter name fresh
		ip protocol gre ct state established counter name known'
	pings "$a" 10.0.0.2
	pings "$a" 10.0.0.2
	echo "new: $(hits fresh), established: $(hits known)"
	(($(hits fresh) <= 1 && $(hits known) >= 5))
}

only_established() {
	rules 'ip protocol gre ct state established accept
		ip protocol gre iif v0 ct state new ip saddr 192.0.2.1 accept
		ip protocol gre drop'
	pings "$a" 10.0.0.2
}

through_user_space() {
	local pid
	rules 'ip protocol gre queue num 0'
	mkfifo "$tmp/ready"
	in_ns "$b" "$here/nfqueue.py" 6 >"$tmp/ready" &
	pid=$!
	read -r _ <"$tmp/ready"
	pings "$a" 10.0.0.2 -c 6
	wait "$pid"
	rules ''
	pings "$a" 10.0.0.2
}

load_kind
new_ns a b
veth_pair "$a" v0 192.0.2.1 "$b" v0 192.0.2.2
tunnel "$a" m0 "$KIND" 10.0.0.1 remote 192.0.2.2 local 192.0.2.1 key 7
tunnel "$b" m0 "$KIND" 10.0.0.2 remote 192.0.2.1 local 192.0.2.2 key 7
check "the tunnel works" pings "$a" 10.0.0.2
check "a rule of the input chain drops the outer packets" dropped_by_rule
check "conntrack sees one connection, not one for each packet" one_connection
check "rules on the connection's state work" only_established
check "packets come back from a queue to user space" through_user_space
ksft_end
