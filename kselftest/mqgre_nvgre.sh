#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# NVGRE (RFC 7637): the upper 24 bits of a key say which tunnel, the lower 8
# are a flow id, of any value on receive, and the same for a flow on transmit.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 --- veth --- eth0 10.1.0.2 - m0 10.2.0.2 :B
#	   both are mqgre with nvgre, key 7

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
start "$B" iperf3 -s >/dev/null 2>&1
until_true 20 listens "$B"
a=(local 10.1.0.1 remote 10.1.0.2)
b=(local 10.1.0.2 remote 10.1.0.1)
tunnel "$A" m0 mqgre 10.2.0.1 "${a[@]}" key 7 nvgre
tunnel "$B" m0 mqgre 10.2.0.2 "${b[@]}" key 7 nvgre
rx() { stat "$B" "$1" rx_packets; }
# Frames from A with each key, by way of one that is no NVGRE device.
send() { "$here/mqgre_nvgre.py" "$A" "$B" "$@"; }

both() {
	pings "$A" 10.2.0.2
	pings "$B" 10.2.0.1
	iperf "$A" 10.2.0.2
}
check "ping and TCP" both

keys() { # what is on the wire: id 7, one flow id for a flow, several for several
	local pid ids
	ip netns exec "$B" "$here/capture.py" eth0 "$tmp/seen" &
	pid=$!
	until_true 10 grep -q ready "$tmp/seen"
	iperf "$A" 10.2.0.2 -P 8
	kill "$pid"
	wait "$pid" || true
	tail -n 1 "$tmp/seen"
	tail -n 1 "$tmp/seen" | jq -e '.bad_ip == 0 and ([.keys[] | . / 256 | floor] | unique == [7])'
	ids=$(tail -n 1 "$tmp/seen" | jq '.keys | length')
	((ids > 1 && ids <= 2 * 9 + 2))
}
check "keys on the wire" keys

any_flow_id() {
	local before
	before=$(rx m0)
	send $((7 << 8)) $((7 << 8 | 1)) $((7 << 8 | 0x80)) $((7 << 8 | 0xff))
	(($(rx m0) == before + 4))
}
check "any flow id is received" any_flow_id

others() { # other ids, the id in the wrong place, no key
	local before
	before=$(rx m0)
	send 7 $((6 << 8 | 0xff)) $((8 << 8)) $((0x010007 << 8)) none
	(($(rx m0) == before))
}
check "other keys are not" others

exact() { # a device with one of these keys, whole, comes first
	local before n
	ip -n "$B" link add m1 type mqgre "${b[@]}" key $((7 << 8 | 5))
	ip -n "$B" link set m1 up
	before=$(rx m0)
	n=$(rx m1)
	send $((7 << 8 | 5)) $((7 << 8 | 6))
	(($(rx m0) == before + 1 && $(rx m1) == n + 1))
	ip -n "$B" link del m1
}
check "a device with the whole key comes first" exact

any_local() {
	local before
	ip -n "$B" link del m0
	tunnel "$B" m0 mqgre 10.2.0.2 remote 10.1.0.1 key 7 nvgre
	before=$(rx m0)
	send $((7 << 8 | 9)) $((8 << 8 | 9))
	(($(rx m0) == before + 1))
}
check "without a local address" any_local

changed() { # the id changes, and NVGRE goes
	local before
	ip -n "$B" link set m0 type mqgre key 8
	before=$(rx m0)
	send $((7 << 8 | 9)) $((8 << 8 | 9))
	(($(rx m0) == before + 1))
	ip -n "$B" link set m0 type mqgre nonvgre key $((8 << 8 | 9))
	before=$(rx m0)
	send $((8 << 8 | 8)) $((8 << 8 | 9))
	(($(rx m0) == before + 1))
}
check "change: another id, and a plain key" changed

ksft_end
