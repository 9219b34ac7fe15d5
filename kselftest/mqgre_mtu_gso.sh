#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Sizes: the MTU, paths that are narrower than it, packets that are cut later
# (GSO) and joined earlier (GRO), and the checksums of all of them.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 --- veth --- eth0 10.1.0.2 - m0 10.2.0.2 :B
#	   both m0 are mqgre, key 7

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
start "$B" iperf3 -s >/dev/null 2>&1
until_true 20 listens "$B"

# pair OPTION...: m0 on both sides, new.
pair() {
	ip -n "$A" link del m0 2>/dev/null || true
	ip -n "$B" link del m0 2>/dev/null || true
	tunnel "$A" m0 "$KIND" 10.2.0.1 local 10.1.0.1 remote 10.1.0.2 "$@"
	tunnel "$B" m0 "$KIND" 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 "$@"
	local ns
	for ns in "$A" "$B"; do
		in_ns "$ns" sysctl -qw net.ipv6.conf.m0.disable_ipv6=0
	done
	ip -n "$A" addr add fd00::1/64 dev m0 nodad
	ip -n "$B" addr add fd00::2/64 dev m0 nodad
}

# capture DEV COMMAND...: what DEV of B gets meanwhile; the answer in $seen.
capture() {
	local dev=$1 pid
	shift
	rm -f "$tmp/seen"
	# Not by in_ns: a function's process would be a shell, which the signal ends.
	ip netns exec "$B" "$here/capture.py" "$dev" "$tmp/seen" &
	pid=$!
	until_true 10 grep -q ready "$tmp/seen"
	"$@"
	kill "$pid"
	wait "$pid" || true
	seen=$(tail -n 1 "$tmp/seen")
	echo "seen on $dev: $seen"
}
seen_is() { jq -e "$1" <<<"$seen" >/dev/null || { echo "not: $1"; return 1; }; }

tcp() { # tcp ADDR: a megabyte from A to B
	iperf_json "$A" "$1" -n 1M | jq -e '.end.sum_received.bytes > 1000000'
}

offload() { # offload NS on|off: does its eth0 cut packets and sum up for us?
	in_ns "$1" ethtool -K eth0 tx "$2" gso "$2" tso "$2" >/dev/null
}

mtu_is() { # mtu_is MTU OPTION...
	local want=$1 got
	shift
	pair "$@"
	got=$(in_ns "$A" cat /sys/class/net/m0/mtu)
	echo "MTU $got"
	[[ $got == "$want" ]]
}
check "MTU without options" mtu_is 1462
check "MTU with key" mtu_is 1458 key 7
check "MTU with checksum" mtu_is 1458 csum
check "MTU with key and checksum" mtu_is 1454 key 7 csum

wider() {
	ip -n "$A" link set eth0 mtu 9000
	ip -n "$B" link set eth0 mtu 9000
	mtu_is 8962
	ip -n "$A" link set eth0 mtu 1500
	ip -n "$B" link set eth0 mtu 1500
}
check "MTU over a wider path" wider

exact() {
	pair key 7
	pings "$A" 10.2.0.2 -M do -s $((1458 - 28))
	fails in_ns "$A" ping -q -c 1 -W 1 -M do -s $((1458 - 27)) 10.2.0.2
	pings "$A" 10.2.0.2 -M dont -s $((1458 - 27))
}
check "exactly the MTU passes, one more does not" exact

gso_through() { # a GSO frame stays one frame where the wire can take it
	pair key 7
	offload "$A" on
	capture m0 tcp 10.2.0.2
	seen_is '.longest > 4000'
	seen_is '.bad_inner == 0'
}
check "TCP: GSO frames go through the tunnel as one" gso_through

cut_right() { # cut_right ADDR OPTION...: all cut and summed up in software
	local addr=$1
	shift
	pair "$@"
	offload "$A" off
	capture eth0 tcp "$addr"
	offload "$A" on
	seen_is '.gre > 300 and .longest <= 1500 and .longest > 1480'
	seen_is '.unready == 0 and .fragments == 0'
	seen_is '.bad_ip == 0 and .bad_gre == 0 and .bad_inner == 0'
}
check "TCP: cut to full frames, every checksum right" cut_right 10.2.0.2
check "TCP: the same with key" cut_right 10.2.0.2 key 7
check "TCP: the same with checksum" cut_right 10.2.0.2 csum
check "TCP: the same with key and checksum" cut_right 10.2.0.2 key 7 csum
check "TCP over IPv6: the same with key and checksum" cut_right fd00::2 key 7 csum

keys_seen() { seen_is '.keys == [7]'; }
cut_with_key() {
	cut_right 10.2.0.2 key 7
	keys_seen
}
check "TCP: every packet has the key" cut_with_key

no_offload_above() { # the tunnel device gets whole frames
	pair key 7
	in_ns "$A" ethtool -K m0 tx off gso off tso off >/dev/null
	offload "$A" off
	capture eth0 tcp 10.2.0.2
	offload "$A" on
	seen_is '.longest <= 1500 and .unready == 0'
	seen_is '.bad_ip == 0 and .bad_inner == 0'
}
check "TCP: without offloads on the tunnel device" no_offload_above

gro() { # gro OPTION...: single packets on the wire, long frames above
	pair "$@"
	offload "$A" off
	# GRO on a veth needs its polling mode, which this switches on.
	in_ns "$B" ethtool -K eth0 gro on
	capture m0 tcp 10.2.0.2
	in_ns "$B" ethtool -K eth0 gro off
	offload "$A" on
	seen_is '.longest > 2000'
	seen_is '.bad_inner == 0'
}
check "TCP: joined again on the way in (GRO)" gro
check "TCP: joined again on the way in (GRO), with key" gro key 7

vlan() {
	pair key 7
	local ns
	for ns in A B; do
		ip -n "${!ns}" link add link m0 name m0.5 type vlan id 5
		ip -n "${!ns}" link set m0.5 up
	done
	ip -n "$A" addr add 10.5.0.1/24 dev m0.5
	ip -n "$B" addr add 10.5.0.2/24 dev m0.5
	# The tag needs 4 bytes of the outer frame.
	ip -n "$A" link set m0.5 mtu 1454
	ip -n "$B" link set m0.5 mtu 1454
	tcp 10.5.0.2
	offload "$A" off
	capture eth0 tcp 10.5.0.2
	offload "$A" on
	seen_is '.longest <= 1500 and .bad_ip == 0 and .bad_inner == 0'
}
check "TCP inside a VLAN inside the tunnel" vlan

udp() { # udp OPTION...
	pair "$@"
	"$here/udp_blob.py" "$A" "$B" 10.2.0.2 60000
	"$here/udp_blob.py" "$B" "$A" 10.2.0.1 60000
	"$here/udp_blob.py" "$A" "$B" 10.2.0.2 30000 1000
	offload "$A" off
	"$here/udp_blob.py" "$A" "$B" 10.2.0.2 60000
	capture eth0 "$here/udp_blob.py" "$A" "$B" 10.2.0.2 30000 1000
	offload "$A" on
	seen_is '.gre >= 30 and .longest <= 1500'
	seen_is '.bad_ip == 0 and .bad_gre == 0 and .bad_inner == 0'
}
check "UDP in fragments, and cut by UDP_SEGMENT" udp key 7
check "UDP in fragments, and cut by UDP_SEGMENT, with checksum" udp key 7 csum

narrow() { # the path has become narrower than the device believes
	ip -n "$A" link set eth0 mtu 1400
	ip -n "$B" link set eth0 mtu 1400
}
wide() {
	ip -n "$A" link set eth0 mtu 1500
	ip -n "$B" link set eth0 mtu 1500
}

too_big() {
	local out before after
	pair key 7
	narrow
	before=$(counter "$A" m0 tx_too_big)
	out=$(in_ns "$A" ping -c 3 -i 0.05 -W 1 -M do -s 1400 10.2.0.2 2>&1) || true
	after=$(counter "$A" m0 tx_too_big)
	echo "$out"
	echo "tx_too_big: $before, then $after"
	# 1400 - 20 - 8 - 14: what is left for the inner packet.
	grep -q '1358' <<<"$out"
	((after > before))
	tcp 10.2.0.2
	wide
}
check "too big for the path: the sender is told, a counter says so" too_big

nopmtudisc() {
	pair key 7 nopmtudisc
	narrow
	capture eth0 pings "$A" 10.2.0.2 -M dont -s 1400
	wide
	seen_is '.fragments >= 6'
}
check "nopmtudisc: fragments outside" nopmtudisc

headroom() { # room for the headers is there from the start: no copy
	local t=/sys/kernel/tracing n
	pair key 7 csum
	pings "$A" 10.2.0.2
	echo pskb_expand_head >$t/set_ftrace_filter
	echo function >$t/current_tracer
	echo >$t/trace
	in_ns "$A" ping -q -f -c 100 10.2.0.2
	n=$(grep -c pskb_expand_head $t/trace || true)
	echo nop >$t/current_tracer
	echo >$t/set_ftrace_filter
	echo "$n reallocations for 200 packets"
	((n < 20))
}
if grep -q pskb_expand_head /sys/kernel/tracing/available_filter_functions 2>/dev/null; then
	check "no packet is copied for want of headroom" headroom
else
	skip "no packet is copied for want of headroom" "no function tracer"
fi

ksft_end
