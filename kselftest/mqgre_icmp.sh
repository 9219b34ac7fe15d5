#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors about packets of a tunnel: a path's MTU is learned, all are
# counted at the device that has sent the packet, and what is forged or cut off
# changes nothing. ip_gre and ip6_gre are not loaded.
#
#   +----- a ------+      +------ r ------+             +----- b ------+
#   | m0  10.2.0.1 |      |               |             | 10.2.0.2  m0 |
#   | v0 192.0.2.1 +------+ v0 .2   v1 .2 +--mtu 1300---+ .1        v0 |
#   |    fd01::1   |      | fd01::2       | 198.51.100  | fd02::1      |
#   +--------------+      +---------------+ fd02::2     +--------------+

. "$(dirname -- "$0")/lib.sh"

for module in ip_gre ip6_gre; do
	[[ ! -d /sys/module/$module ]] || rmmod "$module"
done
load_kind
new_ns a r b
veth_pair "$a" v0 192.0.2.1 "$r" v0 192.0.2.2
veth_pair "$b" v0 198.51.100.1 "$r" v1 198.51.100.2
ipv6_pair "$a" v0 fd01::1 "$r" v0 fd01::2 "$b" v0 fd02::1 "$r" v1 fd02::2
ip -n "$r" link set v1 mtu 1300
ip -n "$b" link set v0 mtu 1300
in_ns "$r" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
	net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
ip -n "$a" route add default via 192.0.2.2
ip -n "$b" route add default via 198.51.100.2
ip -n "$a" route add default via fd01::2 dev v0
ip -n "$b" route add default via fd02::2 dev v0
ip -n "$r" route add unreachable 203.0.113.0/24
ip -n "$r" route add unreachable fd03::/64

V4=(local 192.0.2.1 remote 198.51.100.1)
V6=(local fd01::1 remote fd02::1)
GONE=(local 192.0.2.1 remote 203.0.113.1)
GONE6=(local fd01::1 remote fd03::1)

m0() { # m0 OPTION...: the end in a, new
	ip -n "$a" link del m0 2>/dev/null || true
	ip -n "$a" route flush cache
	ip -n "$a" -6 route flush cache 2>/dev/null || true
	tunnel "$a" m0 mqgre 10.2.0.1 "$@"
	ip -n "$a" neigh replace 10.2.0.2 dev m0 lladdr 02:00:00:00:00:02
}
count() { counter "$a" m0 "$1"; }
probe() { # something is sent, whatever comes of it
	in_ns "$a" ping -q -c 3 -i 0.2 -W 0.2 "$@" 10.2.0.2 || true
}

learned() {
	probe -M "do" -s 1350
	ip -n "$a" route get "$1" | grep -q 'mtu 1300'
}
learns() { # learns REMOTE OPTION...: an MTU of 1300 from the router
	local remote=$1
	shift
	m0 "$@"
	until_true 10 learned "$remote" || true
	ip -n "$a" route get "$remote"
	ip -n "$a" route get "$remote" | grep -q 'mtu 1300'
	(($(count icmp_too_big) > 0))
	# It is no drop of the device.
	[[ $(stat "$a" m0 rx_dropped) == 0 ]]
}
check "the path's MTU: IPv4" learns 198.51.100.1 "${V4[@]}" key 7
check "the path's MTU: IPv6" learns fd02::1 "${V6[@]}" key 7
check "the path's MTU: IPv4, no key, local address open" learns 198.51.100.1 remote 198.51.100.1
check "the path's MTU: IPv4, a key for each way" learns 198.51.100.1 "${V4[@]}" ikey 7 okey 8
check "the path's MTU: IPv4, NVGRE" learns 198.51.100.1 "${V4[@]}" key 7 nvgre
check "the path's MTU: IPv4, csum and key" learns 198.51.100.1 "${V4[@]}" key 7 csum
check "the path's MTU: IPv4 in UDP" learns 198.51.100.1 "${V4[@]}" key 7 encap fou
check "the path's MTU: IPv6 in UDP" learns fd02::1 "${V6[@]}" key 7 encap fou

unreachable() {
	m0 "$@"
	probe
	(($(count icmp_unreachable) > 0))
	(($(count icmp_too_big) == 0))
}
check "unreachable: IPv4" unreachable "${GONE[@]}" key 7
check "unreachable: IPv6" unreachable "${GONE6[@]}" key 7
check "unreachable: IPv4 in UDP" unreachable "${GONE[@]}" key 7 encap fou
check "unreachable: IPv6 in UDP" unreachable "${GONE6[@]}" key 7 encap fou

expired() {
	m0 "$@" ttl 1
	probe
	(($(count icmp_other) > 0))
}
check "time exceeded: IPv4" expired "${V4[@]}" key 7
check "time exceeded: IPv6" expired "${V6[@]}" key 7

right_one() { # of two tunnels between the same hosts
	m0 "${GONE[@]}" key 7
	ip -n "$a" link add m1 type mqgre "${GONE[@]}" key 8
	ip -n "$a" link set m1 up
	probe
	(($(count icmp_unreachable) > 0))
	[[ $(counter "$a" m1 icmp_unreachable) == 0 ]]
	ip -n "$a" link del m1
}
check "counted at the tunnel that has sent the packet" right_one

external() {
	ip -n "$a" link del m0
	ip -n "$a" link add m0 type mqgre external
	ip -n "$a" addr add 10.2.0.1/32 dev m0
	ip -n "$a" link set m0 up
	ip -n "$a" route replace 10.2.0.2 encap ip id 7 dst 203.0.113.1 key dev m0
	ip -n "$a" neigh replace 10.2.0.2 dev m0 lladdr 02:00:00:00:00:02
	probe
	in_ns "$a" ethtool -S m0 | grep -v ': 0$' || true
	(($(count icmp_unreachable) > 0))
}
check "external: unreachable" external

# Forged ones: mqgre_icmp.py makes them in r and looks at the counters of a.
ip -n "$a" link del m0
m0 "${V4[@]}" key 7
ip -n "$a" link add m6 type mqgre "${V6[@]}" key 7
ip -n "$a" link set m6 up
ip -n "$a" link add mu type mqgre "${V4[@]}" key 7 encap fou
ip -n "$a" link set mu up
status=0
"$here/mqgre_icmp.py" "$r" "$a" >"$tmp/results" 2>"$tmp/err" || status=$?
while read -r word name; do
	case $word in
	PASS) pass "forged: $name" ;;
	FAIL) fail "forged: ${name%%: *}" "${name#*: }" ;;
	*) note "$word $name" ;;
	esac
done <"$tmp/results"
((status == 0)) || fail "forged: the program ends well" "$(<"$tmp/err")"

ksft_end
