#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The lane: a packet of VM queue q leaves on queue q mod N of the network card,
# whatever flow it belongs to; and what the card received on queue n comes up
# on receive queue n.
#
#	A: tap0 - br0 - m0 - up0 10.1.0.1 ~~~ wire ~~~ up1 10.1.0.2 - m0 :B
#	   4 queues    mqgre  N queues              N queues      mqgre
#
# XPS is off here, so that gretap can be tried, too; mqgre_lanes_xps.sh has it on.

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"

need_nic
load_kind
modprobe -a tun bridge
two_cards

xps_off() {
	in_ns "$A" sh -c 'for q in /sys/class/net/up0/queues/tx-*; do
		echo 0 >"$q/xps_cpus" 2>/dev/null; done; true'
}

# card_rx: packets received by each queue of up1 so far, a line each.
card_rx() {
	case $LANES_NIC in
	igb)
		in_ns "$B" ethtool -S up1 |
			awk '/rx_queue_[0-9]+_packets:/ { print $2 }'
		;;
	virtio) in_ns "$B" "$here/qstats.py" up1 rx ;;
	esac
}

# make_m0 OPTION...: before the word "type"
make_m0() {
	port_queues=$*
	make_port up0
}

tunnel "$B" m0 "$KIND" 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 key 7
start_vm "$(mac "$B" m0)"

received() { (($(stat "$B" m0 rx_packets) >= $1)); }
received_too() { # no more at once than the other card's ring takes
	local before after q
	before=$(stat "$B" m0 rx_packets)
	for q in 0 1 2 3; do
		sent $q
		until_true 20 received $((before + (q + 1) * flows * frames))
	done
	after=$(stat "$B" m0 rx_packets)
	echo "received $((after - before))"
	((after - before == 4 * flows * frames))
}

try_all() { # try_all N TEXT
	local q
	for ((q = 0; q < vm_queues; q++)); do
		check "$2: VM queue $q leaves on queue $((q % $1)) of $1" lane_of $q "$1"
	done
	check "$2: all VM queues at once, $1 card queues" all_lanes "$1"
}

make_m0
xps_off
try_all "$LANES_QUEUES" "default queues"
make_m0 numtxqueues 8 numrxqueues 8
try_all "$LANES_QUEUES" "8 queues"
check "nothing is lost on the way" received_too

if ((LANES_QUEUES > 1)); then
	fewer=$((LANES_QUEUES - 1))
	in_ns "$A" ethtool -L up0 combined $fewer
	sleep 0.5
	until_true 20 pings "$A" 10.1.0.2 -W 1
	xps_off
	make_m0 numtxqueues 4 numrxqueues 4
	try_all $fewer "4 queues"
	in_ns "$A" ethtool -L up0 combined "$LANES_QUEUES"
	sleep 0.5
	until_true 20 pings "$A" 10.1.0.2 -W 1
	xps_off
fi

# The card's hash is linear in the bits of an address, and its key is another at
# each boot: addresses that share all but a few bits may all get one queue.
pair_addresses=(10.1.{1.32,2.64,4.128,8.17,16.33,32.65,64.129,128.18})
rx_lanes() { # of many address pairs, which the card spreads over its queues
	local i address before card_before delta card used
	ip -n "$A" route add 10.1.0.0/16 dev up0
	for i in {1..8}; do
		address=${pair_addresses[i - 1]}
		ip -n "$B" addr add "$address/32" dev up1
		ip -n "$A" neigh replace "$address" dev up0 \
			lladdr "$(mac "$B" up1)" nud permanent
		ip -n "$B" link add r$i numtxqueues 4 numrxqueues 4 type "$KIND" \
			local "$address" remote 10.1.0.1 key 9
		tunnel "$A" t$i "$KIND" 10.30.$i.1 \
			local 10.1.0.1 remote "$address" key 9
		ip -n "$B" link set r$i up
		ip -n "$A" neigh replace 10.30.$i.2 dev t$i \
			lladdr 02:00:00:00:00:99 nud permanent
	done
	before=$(rx_lane_counts)
	card_before=$(card_rx)
	for i in {1..8}; do
		in_ns "$A" ping -q -f -c 20 -w 2 -W 0.01 10.30.$i.2 >/dev/null || true
	done
	sleep 0.5
	delta=$(less "$(rx_lane_counts)" "$before")
	card=$(less "$(card_rx)" "$card_before")
	used=$(awk '$1 > 0' <<<"$card" | wc -l)
	echo "card $(paste -sd' ' <<<"$card"), tunnels $(paste -sd' ' <<<"$delta")"
	(($(sum "$delta") >= 160))
	[[ $(head -n 4 <<<"$card") == "$delta" ]]
	((LANES_QUEUES == 1 || used > 1))
}
rx_lane_counts() { # of all r* together
	local i
	for i in {1..8}; do
		in_ns "$B" ethtool -S r$i
	done | awk '/rx_queue_[0-9]+_packets:/ { split($1, a, "_"); n[a[3]] += $2 }
		END { for (i = 0; i < 4; i++) print n[i] + 0 }'
}
check "what the card receives on queue n comes up on queue n" rx_lanes

ksft_end
