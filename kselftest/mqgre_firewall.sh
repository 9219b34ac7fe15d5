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

# A connection that is not confirmed is forgotten with its packet. Nobody answers
# here: what this host sends back would confirm it, too, and only with an answer
# would conntrack call it established.
one_connection() {
	rules 'ip protocol gre ct state new counter name fresh'
	ip -n "$a" neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev m0
	in_ns "$a" ping -q -c 6 -i 0.05 -W 0.2 10.0.0.9 || true
	echo "packets: $(hits fresh), connections: $(connections)"
	(($(hits fresh) == 6 && $(connections) == 1))
}

connections() {
	in_ns "$b" cat /proc/sys/net/netfilter/nf_conntrack_count
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
	pings "$a" 10.0.0.2 -c 6 -l 6
	wait "$pid"
	rules ''
	pings "$a" 10.0.0.2
}

# Who protects the tunnel with IPsec lets no packet in that has no protection.
held_by_ipsec() {
	rules ''
	ip -n "$b" xfrm policy add dir in src 192.0.2.0/24 dst 192.0.2.0/24 \
		proto gre action block
	no_ping "$a" 10.0.0.2
	(($(counter "$b" m0 rx_policy) > 0))
	ip -n "$b" xfrm policy flush
	pings "$a" 10.0.0.2
}

load_kind
new_ns a b
veth_pair "$a" v0 192.0.2.1 "$b" v0 192.0.2.2
tunnel "$a" m0 "$KIND" 10.0.0.1 remote 192.0.2.2 local 192.0.2.1 key 7
tunnel "$b" m0 "$KIND" 10.0.0.2 remote 192.0.2.1 local 192.0.2.2 key 7
check "conntrack keeps the connection of packets that nobody answers" one_connection
check "the tunnel works" pings "$a" 10.0.0.2
check "a rule of the input chain drops the outer packets" dropped_by_rule
check "rules on the connection's state work" only_established
check "packets come back from a queue to user space" through_user_space
check "a policy of IPsec keeps unprotected packets out" held_by_ipsec
ksft_end
