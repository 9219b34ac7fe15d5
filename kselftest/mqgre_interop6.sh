#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Talks to the stock ip6gretap, both ways, with every header that both know.
#
#	A: m0 10.2.0.1 - eth0 fd01::1 --- veth --- eth0 fd01::2 - t0 10.2.0.2 :B
#	   m0 is mqgre, t0 stock ip6gretap

. "$(dirname -- "$0")/lib.sh"

load_kind
modprobe ip6_gre
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
ipv6_pair "$A" eth0 fd01::1 "$B" eth0 fd01::2
start "$A" iperf3 -s >/dev/null 2>&1
start "$B" iperf3 -s >/dev/null 2>&1
until_true 20 listens "$A"
until_true 20 listens "$B"

link_up() { # link_up OPTIONS-OF-M0 -- OPTIONS-OF-T0
	local m0=()
	while [[ $1 != -- ]]; do
		m0+=("$1")
		shift
	done
	shift
	ip -n "$A" link del m0 2>/dev/null || true
	ip -n "$B" link del t0 2>/dev/null || true
	tunnel "$A" m0 mqgre 10.2.0.1 local fd01::1 remote fd01::2 "${m0[@]}"
	tunnel "$B" t0 ip6gretap 10.2.0.2 local fd01::2 remote fd01::1 "$@"
}

both_ping() {
	pings "$A" 10.2.0.2
	pings "$B" 10.2.0.1
	pings "$A" 10.2.0.2 -s 30000
	pings "$B" 10.2.0.1 -s 30000
}
silent() { # the ends disagree: nothing may get through, either way
	no_ping "$A" 10.2.0.2
	no_ping "$B" 10.2.0.1
}
both() { # what works at all works both ways
	both_ping
	iperf "$A" 10.2.0.2
	iperf "$B" 10.2.0.1
	iperf "$A" 10.2.0.2 -u -b 5M
	iperf "$B" 10.2.0.1 -u -b 5M
}

link_up -- encaplimit none
check "no options" both
link_up --
check "with the encapsulation limit that stock sends by default" both
link_up key 7 -- key 7
check "key" both
link_up csum -- csum
check "csum" both
link_up key 7 csum -- key 7 csum encaplimit none
check "key and csum" both
link_up ikey 8 okey 9 -- ikey 9 okey 8
check "a key for each way" both
link_up flowlabel 0x12345 hoplimit 9 tclass 0x20 --
check "flow label, hop limit, traffic class" both
on_the_wire() { # tcpdump sees what m0 was told
	local pid
	in_ns "$B" tcpdump -i eth0 -nn -v -c 2 ip6 and src fd01::1 \
		>"$tmp/dump" 2>"$tmp/dump.err" &
	pid=$!
	until_true 10 grep -q 'listening on' "$tmp/dump.err"
	pings "$A" 10.2.0.2
	wait "$pid"
	cat "$tmp/dump"
	grep -q 'class 0x20' "$tmp/dump"
	grep -q 'flowlabel 0x12345' "$tmp/dump"
	grep -q 'hlim 9' "$tmp/dump"
}
check "flow label, hop limit, traffic class on the wire" on_the_wire
link_up key 7 -- key 8
check "another key: silence" silent
link_up -- key 7
check "no key against one: silence" silent

any_local() { # a device that leaves its own address open
	ip -n "$A" link del m0
	tunnel "$A" m0 mqgre 10.2.0.1 remote fd01::2 key 7
	both_ping
}
link_up key 7 -- key 7
check "without a local address" any_local

link_local() { # addresses that need the link
	local a b
	a=$(ip -n "$A" -br -6 addr show dev eth0 | grep -o 'fe80::[0-9a-f:]*' | head -n 1)
	b=$(ip -n "$B" -br -6 addr show dev eth0 | grep -o 'fe80::[0-9a-f:]*' | head -n 1)
	ip -n "$A" link del m0
	ip -n "$B" link del t0
	tunnel "$A" m0 mqgre 10.2.0.1 local "$a" remote "$b" dev eth0
	tunnel "$B" t0 ip6gretap 10.2.0.2 local "$b" remote "$a" dev eth0
	both_ping
	ip -n "$A" link add d0 type dummy
	ip -n "$A" link del m0
	# The same addresses, but on another link.
	tunnel "$A" m0 mqgre 10.2.0.1 local "$a" remote "$b" dev d0
	no_ping "$B" 10.2.0.1
	[[ $(stat "$A" m0 rx_packets) == 0 ]]
	ip -n "$A" link del d0
}
for ns in "$A" "$B"; do
	in_ns "$ns" ip link set eth0 down
	in_ns "$ns" ip link set eth0 up
done
ipv6_pair "$A" eth0 fd01::1 "$B" eth0 fd01::2
until_true 20 pings "$A" fd01::2 -W 1
settled() { [[ -z $(ip -n "$1" -6 addr show dev eth0 tentative) ]]; }
until_true 20 settled "$A"
until_true 20 settled "$B"
check "link-local addresses" link_local

two_families() { # IPv4 and IPv6 between the same two hosts, one key
	modprobe ip_gre
	link_up key 7 -- key 7
	tunnel "$A" m4 mqgre 10.4.0.1 local 10.1.0.1 remote 10.1.0.2 key 7
	tunnel "$B" t4 gretap 10.4.0.2 local 10.1.0.2 remote 10.1.0.1 key 7
	both_ping
	pings "$A" 10.4.0.2
	pings "$B" 10.4.0.1
	ip -n "$A" link del m4
	ip -n "$B" link del t4
}
check "IPv4 and IPv6 side by side" two_families

beside_stock() { # ip6_gre in the same namespace
	link_up key 7 -- key 7
	tunnel "$A" s8 ip6gretap 10.8.0.1 local fd01::1 remote fd01::2 key 8
	tunnel "$B" s8 ip6gretap 10.8.0.2 local fd01::2 remote fd01::1 key 8
	both_ping
	pings "$A" 10.8.0.2
	pings "$B" 10.8.0.1
	ip -n "$A" link del s8
	ip -n "$B" link del s8
}
check "beside ip6gretap in one namespace" beside_stock

external() { # a collect-metadata device for both families
	ip -n "$A" link del m0
	ip -n "$A" link add m0 type mqgre external
	ip -n "$A" addr add 10.2.0.1/32 dev m0
	ip -n "$A" link set m0 up
	ip -n "$A" route add 10.2.0.2 encap ip6 id 7 dst fd01::2 src fd01::1 \
		key dev m0
	in_ns "$A" sysctl -qw net.ipv4.conf.all.arp_accept=1
	ip -n "$A" neigh replace 10.2.0.2 dev m0 lladdr \
		"$(in_ns "$B" cat /sys/class/net/t0/address)"
	ip -n "$B" neigh replace 10.2.0.1 dev t0 lladdr \
		"$(in_ns "$A" cat /sys/class/net/m0/address)"
	pings "$A" 10.2.0.2
	pings "$B" 10.2.0.1
}
link_up key 7 -- key 7
check "external: addresses from the route" external

ksft_end
