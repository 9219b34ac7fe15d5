#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A narrow link behind a router: the tunnel learns the path's MTU from the
# router's ICMP and passes it on to who sends too much. ip_gre, which would
# learn it in its stead, is not loaded.
#
#   +----- a ------+      +----- r -----+             +----- b ------+
#   | m0  10.0.0.1 |      |             |             | 10.0.0.2  m0 |
#   | v0 192.0.2.1 +------+ .2       .2 +--mtu 1300---+ .1        v0 |
#   +--------------+      | 192.0.2  198.51.100       +--------------+
#                         +-------------+

# shellcheck source=kselftest/lib.sh
. "$(dirname -- "$0")/lib.sh"

# Twice: the first packet is lost at the router, whose ICMP is for the second.
learns() {
	in_ns "$a" ping -q -M do -s 1400 -c 2 -i 0.2 -W 1 10.0.0.2 || true
	ip -n "$a" route get 198.51.100.1
	ip -n "$a" route get 198.51.100.1 | grep -q 'mtu 1300'
}

# 1300 less 20 of IP, 8 of GRE with a key, 14 of Ethernet
tells() {
	ip -n "$a" route get 10.0.0.2
	ip -n "$a" route get 10.0.0.2 | grep -q 'mtu 1258'
	(($(counter "$a" m0 tx_too_big) > 0))
	fails in_ns "$a" ping -q -M do -s 1231 -c 1 -W 1 10.0.0.2
	in_ns "$a" ping -q -M do -s 1230 -c 1 -W 2 10.0.0.2
}

tcp_passes() {
	start "$b" iperf3 -s -1
	until_true 20 listens "$b"
	in_ns "$a" timeout 100 iperf3 -c 10.0.0.2 -n 2M
}

[[ ! -d /sys/module/ip_gre ]] || rmmod ip_gre
load_kind
new_ns a r b
veth_pair "$a" v0 192.0.2.1 "$r" v0 192.0.2.2
veth_pair "$b" v0 198.51.100.1 "$r" v1 198.51.100.2
ip -n "$r" link set v1 mtu 1300
ip -n "$b" link set v0 mtu 1300
in_ns "$r" sysctl -qw net.ipv4.ip_forward=1
ip -n "$a" route add default via 192.0.2.2
ip -n "$b" route add default via 198.51.100.2
tunnel "$a" m0 "$KIND" 10.0.0.1 remote 198.51.100.1 local 192.0.2.1 key 7
tunnel "$b" m0 "$KIND" 10.0.0.2 remote 192.0.2.1 local 198.51.100.1 key 7
check "small packets pass" pings "$a" 10.0.0.2
check "the path's MTU is learned from the router" learns
check "whoever sends more is told" tells
check "TCP passes" tcp_passes
ksft_end
