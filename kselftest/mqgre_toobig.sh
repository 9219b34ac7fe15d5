#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A VM whose frames are longer than the path below the tunnel allows is told,
# by ICMP from where the frame went: it needs no other MTU than its own 1500.
#
#	V 10.2.0.1 ~ veth ~ br0 - m0 - 10.1.0.1 ~ veth ~ 10.1.0.2 - m0 10.2.0.2 :B
#	the VM              A: bridge and tunnel port                    the far end
#	MTU 1500                 1500    1500                              1458

. "$(dirname -- "$0")/lib.sh"

load_kind
modprobe -a bridge veth
new_ns V A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
ip -n "$A" link set br0 up
ip link add vm0 netns "$A" type veth peer name eth0 netns "$V"
ip -n "$A" link set vm0 master br0 up
for ns in V B; do
	in_ns "${!ns}" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
		net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
done
ip -n "$V" addr add 10.2.0.1/24 dev eth0
ip -n "$V" link set eth0 up
ip -n "$V" addr add fd02::1/64 dev eth0 nodad
start "$B" iperf3 -s
until_true 20 listens "$B"

# set_up OPTION...
set_up() {
	ip -n "$A" link del m0 2>/dev/null || true
	ip -n "$B" link del m0 2>/dev/null || true
	ip -n "$A" link add m0 mtu 1500 type "$KIND" local 10.1.0.1 remote 10.1.0.2 "$@"
	ip -n "$A" link set m0 master br0 up
	ip -n "$B" link add m0 type "$KIND" local 10.1.0.2 remote 10.1.0.1 "$@"
	ip -n "$B" addr add 10.2.0.2/24 dev m0
	ip -n "$B" addr add fd02::2/64 dev m0 nodad
	ip -n "$B" link set m0 up
	ip -n "$V" neigh flush dev eth0
	ip -n "$V" route flush cache
	ip -n "$V" -6 route flush cache
	until_true 20 pings "$V" 10.2.0.2 -W 1
}

told() { # told MTU: the sender hears of it, nothing arrives
	local out before after
	before=$(counter "$A" m0 tx_too_big)
	out=$(in_ns "$V" ping -c 3 -i 0.1 -W 1 -M do -s 1472 10.2.0.2 2>&1) || true
	after=$(counter "$A" m0 tx_too_big)
	echo "$out"
	echo "tx_too_big: $before, then $after"
	((after > before))
	grep -qi "mtu.$1\|mtu = $1" <<<"$out"
	ip -n "$V" route get 10.2.0.2 | grep -q "mtu $1"
	pings "$V" 10.2.0.2 -M do -s $(($1 - 28))
}
told6() {
	local out
	out=$(in_ns "$V" ping -6 -c 3 -i 0.1 -W 1 -M do -s 1452 fd02::2 2>&1) || true
	echo "$out"
	ip -n "$V" -6 route get fd02::2 | grep -q "mtu $1"
	pings "$V" fd02::2 -M do -s $(($1 - 48))
}
tcp() { # in full frames, whose sender has to learn first
	iperf_json "$V" "$1" -n 2M | jq -e '.end.sum_received.bytes >= 2000000'
}
no_offload() { in_ns "$V" ethtool -K eth0 tso off gso off; }

set_up key 7
check "IPv4: the sender is told 1458" told 1458
check "IPv6: the sender is told 1458" told6 1458
set_up key 7
check "IPv4: TCP gets through, with GSO" tcp 10.2.0.2
check "IPv6: TCP gets through, with GSO" tcp fd02::2
set_up key 7 csum
no_offload
check "IPv4, csum: TCP gets through, without GSO" tcp 10.2.0.2
check "IPv4, csum: the sender is told 1454" told 1454

may_fragment() { # without DF outside nobody needs to be told
	set_up key 7 nopmtudisc ignore-df
	pings "$V" 10.2.0.2 -M do -s 1472
	[[ $(counter "$A" m0 tx_too_big) == 0 ]]
}
check "nopmtudisc ignore-df: fragments instead" may_fragment

reassembled() {
	in_ns "$B" nstat -asz IpReasmReqds Ip6ReasmReqds | awk '/Reasm/ { s += $2 } END { print s + 0 }'
}
dropped_whole() { # DF outside, none inside: no pieces, and a counter says so
	local before
	before=$(reassembled)
	fails in_ns "$V" ping -q -c 2 -i 0.1 -W 0.5 -M dont -s 1472 10.2.0.2
	[[ $(reassembled) == "$before" ]]
	(($(counter "$A" m0 tx_too_big) >= 2))
	[[ $(counter "$A" m0 tx_lower) == 0 ]]
	pings "$V" 10.2.0.2
}
never_in_pieces() { # never_in_pieces OUTPUT
	set_up key 7 output "$1"
	dropped_whole
}
check "pmtudisc: not sent in fragments, though the VM would allow them" never_in_pieces auto
check "the same by the host's output path" never_in_pieces stack

over_v6() {
	local ns n=0
	for ns in A B; do
		n=$((n + 1))
		in_ns "${!ns}" sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
		ip -n "${!ns}" addr add fd01::$n/64 dev eth0 nodad
		ip -n "${!ns}" link del m0
		ip -n "${!ns}" link add m0 mtu 1500 type "$KIND" local fd01::$n remote fd01::$((3 - n)) key 7
		ip -n "${!ns}" link set m0 up
	done
	ip -n "$A" link set m0 master br0
	ip -n "$B" link set m0 mtu 1438
	ip -n "$B" addr add 10.2.0.2/24 dev m0
	ip -n "$V" neigh flush dev eth0
	ip -n "$V" route flush cache
	until_true 20 pings "$V" 10.2.0.2 -W 1
	dropped_whole
	# 1500 - 40 - 8 - 14
	told 1438
}
check "over IPv6: the same, and the sender is told 1438" over_v6

ksft_end
