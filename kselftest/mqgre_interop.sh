#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Talks to the stock gretap, both ways, with every header that both know.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 --- veth --- eth0 10.1.0.2 - t0 10.2.0.2 :B
#	   m0 is mqgre, t0 stock gretap

. "$(dirname -- "$0")/lib.sh"

load_kind
modprobe ip_gre
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
start "$A" iperf3 -s >/dev/null 2>&1
start "$B" iperf3 -s >/dev/null 2>&1
until_true 20 listens "$A"
until_true 20 listens "$B"

link_up() { # link_up OPTIONS-OF-M0 -- OPTIONS-OF-T0
	local m0=() t0=()
	while [[ $1 != -- ]]; do
		m0+=("$1")
		shift
	done
	shift
	t0=("$@")
	ip -n "$A" link del m0 2>/dev/null || true
	ip -n "$B" link del t0 2>/dev/null || true
	tunnel "$A" m0 "$KIND" 10.2.0.1 local 10.1.0.1 remote 10.1.0.2 "${m0[@]}"
	tunnel "$B" t0 gretap 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 "${t0[@]}"
}

# on_the_wire FLAGS [KEY]: what tcpdump says of one packet from m0.
on_the_wire() {
	local out pid
	in_ns "$B" tcpdump -i eth0 -nn -e -v -c 2 ip proto 47 and src 10.1.0.1 \
		>"$tmp/dump" 2>"$tmp/dump.err" &
	pid=$!
	until_true 10 grep -q 'listening on' "$tmp/dump.err"
	pings "$A" 10.2.0.2
	wait "$pid"
	out=$(<"$tmp/dump")
	echo "$out"
	grep -q "GREv0, Flags \[$1\]" <<<"$out"
	grep -q 'proto TEB (0x6558)' <<<"$out"
	[[ -z ${2:-} ]] || grep -q "key=$2[, ]" <<<"$out"
	fails grep -qE 'bad|wrong' <<<"$out"
}

both_ping() {
	pings "$A" 10.2.0.2
	pings "$B" 10.2.0.1
	pings "$A" 10.2.0.2 -s 65000
	pings "$B" 10.2.0.1 -s 65000
}

silent() { # the ends disagree: nothing may get through, either way
	no_ping "$A" 10.2.0.2
	no_ping "$B" 10.2.0.1
}

link_up --
check "no key: ping, small and 65000 bytes, both ways" both_ping
check "no key: what tcpdump sees" on_the_wire none
check "TCP out" iperf "$A" 10.2.0.2
check "TCP in" iperf "$B" 10.2.0.1
check "TCP out, asked for by the other end" iperf "$B" 10.2.0.1 -R
check "TCP both ways at once" iperf "$A" 10.2.0.2 --bidir
check "UDP out" iperf "$A" 10.2.0.2 -u -b 20M
check "UDP in" iperf "$B" 10.2.0.1 -u -b 20M
check "UDP in fragments, out" iperf "$A" 10.2.0.2 -u -b 20M -l 8000
check "UDP in fragments, in" iperf "$B" 10.2.0.1 -u -b 20M -l 8000

link_up key 7 -- key 7
check "key: ping both ways" both_ping
check "key: what tcpdump sees" on_the_wire 'key present' 0x7
check "key: TCP out" iperf "$A" 10.2.0.2
check "key: TCP in" iperf "$B" 10.2.0.1

link_up key 0xfffffffe -- key 0xfffffffe
check "key of 32 bits: what tcpdump sees" on_the_wire 'key present' 0xfffffffe

link_up key 0 -- key 0
check "key 0: ping both ways" both_ping
check "key 0: what tcpdump sees" on_the_wire 'key present' 0x0

link_up ikey 5 okey 9 -- ikey 9 okey 5
check "different keys: ping both ways" both_ping
check "different keys: what tcpdump sees" on_the_wire 'key present' 0x9

link_up okey 9 -- ikey 9
check "a key one way only: ping both ways" both_ping

link_up csum -- csum
check "csum: ping both ways" both_ping
check "csum: what tcpdump sees" on_the_wire 'checksum present'
check "csum: TCP out" iperf "$A" 10.2.0.2
check "csum: TCP in" iperf "$B" 10.2.0.1
check "csum: UDP out" iperf "$A" 10.2.0.2 -u -b 20M
check "csum: UDP in" iperf "$B" 10.2.0.1 -u -b 20M

link_up key 7 csum -- key 7 csum
check "key and csum: ping both ways" both_ping
check "key and csum: TCP out" iperf "$A" 10.2.0.2
check "key and csum: TCP in" iperf "$B" 10.2.0.1

link_up ocsum -- icsum
check "csum one way only: ping both ways" both_ping

link_up key 7 -- key 8
check "another key: silence" silent
link_up key 7 --
check "a key against none: silence" silent
link_up -- key 7
check "no key against one: silence" silent

link_up key 7 -- key 7
for where in "A m0" "A eth0" "B t0" "B eth0"; do
	read -r ns dev <<<"$where"
	in_ns "${!ns}" ethtool -K "$dev" tx off >/dev/null 2>&1 || true
	check "tx off on $dev of $ns: TCP out" iperf "$A" 10.2.0.2
	check "tx off on $dev of $ns: TCP in" iperf "$B" 10.2.0.1
	in_ns "${!ns}" ethtool -K "$dev" tx on >/dev/null 2>&1 || true
done
in_ns "$A" ethtool -K m0 tx off >/dev/null
in_ns "$A" ethtool -K eth0 tx off gso off >/dev/null
in_ns "$B" ethtool -K eth0 tx off gso off >/dev/null
check "no offload anywhere: TCP out" iperf "$A" 10.2.0.2
check "no offload anywhere: TCP in" iperf "$B" 10.2.0.1
check "no offload anywhere: ping both ways" both_ping

ksft_end
