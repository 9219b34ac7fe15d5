#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# mqgre and the stock GRE driver in one namespace, over one pair of addresses.
#
#	A: g5 10.5.0.1 gretap key 5 \                     / g5 10.5.0.2 gretap :B
#	   m7 10.7.0.1 mqgre  key 7 - eth0 --veth-- eth0 - g7 10.7.0.2 gretap
#	   l9 10.9.0.1 gre    key 9 /  10.1.0.1  10.1.0.2 \ l9 10.9.0.2 gre (L3)

. "$(dirname -- "$0")/lib.sh"

modprobe ip_gre
load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
a=(local 10.1.0.1 remote 10.1.0.2)
b=(local 10.1.0.2 remote 10.1.0.1)
tunnel "$A" g5 gretap 10.5.0.1 "${a[@]}" key 5
tunnel "$A" l9 gre 10.9.0.1 "${a[@]}" key 9
tunnel "$B" g5 gretap 10.5.0.2 "${b[@]}" key 5
tunnel "$B" g7 gretap 10.7.0.2 "${b[@]}" key 7
tunnel "$B" l9 gre 10.9.0.2 "${b[@]}" key 9

make_m7() { tunnel "$A" m7 "$KIND" 10.7.0.1 "${a[@]}" key 7; }

all_ping() {
	pings "$A" 10.5.0.2
	pings "$A" 10.7.0.2
	pings "$A" 10.9.0.2
	pings "$B" 10.5.0.1
	pings "$B" 10.7.0.1
	pings "$B" 10.9.0.1
}

# at_once: floods through all three at the same time, nothing lost, and each
# device has counted its own.
at_once() {
	local dev before after pids=() pid to_a to_b
	to_a=$(replies "$A") to_b=$(replies "$B")
	before=$(for dev in g5 m7 l9; do stat "$A" "$dev" rx_packets; done)
	for dev in 5 7 9; do
		in_ns "$A" ping -q -f -c 300 "10.$dev.0.2" >"$tmp/flood$dev" &
		pids+=($!)
		in_ns "$B" ping -q -f -c 300 "10.$dev.0.1" >"$tmp/back$dev" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	cat "$tmp"/flood* "$tmp"/back*
	until_true 5 replies_reach "$A" $((to_a + 900))
	until_true 5 replies_reach "$B" $((to_b + 900))
	after=$(for dev in g5 m7 l9; do stat "$A" "$dev" rx_packets; done)
	paste <(echo "$before") <(echo "$after") |
		awk '{ print; if ($2 - $1 < 600 || $2 - $1 > 620) bad = 1 }
			END { exit bad }'
}

make_m7
check "each of three tunnels pings, both ways" all_ping
check "all three at once, each device counts its own" at_once

same_key() { # the key of a stock device: who takes the packets is decided
	fails ip -n "$A" link add m5 type "$KIND" "${a[@]}" key 7
	ip -n "$A" link del m7
	pings "$A" 10.5.0.2
	no_ping "$A" 10.7.0.2
	make_m7
	all_ping
}
check "the device goes and comes back, stock ones go on" same_key

no_key() { # without a key it must not swallow the packets that have one
	ip -n "$A" link add m0 type "$KIND" "${a[@]}"
	ip -n "$A" link set m0 up
	all_ping
	ip -n "$A" link add mx type "$KIND" external
	ip -n "$A" link set mx up
	ip -n "$A" link set mx down
	ip -n "$A" link del mx
	all_ping
	ip -n "$A" link del m0
}
check "a device without key takes none of those with one" no_key

down() { # what a device that is down does not take is nobody's
	ip -n "$A" link set m7 down
	no_ping "$A" 10.7.0.2
	pings "$A" 10.5.0.2
	ip -n "$A" link set m7 up
	all_ping
}
check "down and up again" down

unload() {
	local pid before
	before=$(replies "$A")
	in_ns "$A" ping -q -f -c 3000 10.5.0.2 >"$tmp/across" &
	pid=$!
	rmmod mq_gre
	pings "$A" 10.5.0.2
	pings "$A" 10.9.0.2
	no_ping "$B" 10.7.0.1
	load_kind
	make_m7
	all_ping
	wait "$pid"
	cat "$tmp/across"
	until_true 5 replies_reach "$A" $((before + 3000 + 15)) # 15 by pings
}
if [[ $KIND == mqgre ]]; then
	check "mq_gre goes and comes back, the stock tunnels lose nothing" unload
fi

stock_gone() {
	ip -n "$A" link del g5
	ip -n "$A" link del l9
	pings "$A" 10.7.0.2
	pings "$B" 10.7.0.1
}
check "the stock ones go, ours goes on" stock_gone

ksft_end
