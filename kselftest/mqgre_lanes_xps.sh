#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The lane outranks everything that else decides the queue of a network card:
# XPS, schedulers, a change of their number. And everything that looks at
# packets on their way out still sees them.
#
#	A: tap0 - br0 - m0 - up0 10.1.0.1 ~~~ wire ~~~ up1 10.1.0.2 :B
#	   4 queues    mqgre  N queues

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"

need_nic
load_kind
modprobe -a tun bridge
two_cards
start_vm 02:00:00:00:00:99
n=$LANES_QUEUES
all=$(printf '%x' $(((1 << $(nproc)) - 1)))

make_port up0
check "XPS as the driver sets it" every_lane "$n"

wrong_xps() { # every CPU's queue is the last one
	local q masks=()
	for ((q = 0; q < n - 1; q++)); do masks+=(0); done
	xps "${masks[@]}" "$all"
}
xps_wins() { # the control: without lanes XPS is what decides
	make_port up0 lanes hash
	sent 0
	[[ $(sum "$delta") == $((flows * frames)) ]]
	[[ $(tail -n 1 <<<"$delta") == $((flows * frames)) ]]
}
single() { # all VM queues on the first one
	make_port up0 lanes single
	sent 0 1 2 3
	[[ $(head -n 1 <<<"$delta") == $((4 * flows * frames)) ]]
}
if ((n > 1)); then
	wrong_xps
	make_port up0
	check "XPS wants the last queue for everything" every_lane "$n"
	check "lanes hash: XPS has its way" xps_wins
	check "lanes single: everything on the first queue" single
	make_port up0
fi

# with_qdisc QDISC...: as the root of the card.
with_qdisc() {
	tc -n "$A" qdisc replace dev up0 root "$@"
	every_lane "$n"
}
# No classes of mq to count by.
[[ $LANES_NIC == igb ]] || card_counts=qstats.py
# It must not take a machine that stands still for a queue that does.
check "one fq_codel for all queues" with_qdisc fq_codel target 10s interval 100s
check "one pfifo for all queues" with_qdisc pfifo limit 1000
check "one fq for all queues" with_qdisc fq
no_qdisc() { # which drops what comes while a ring is full: nothing elsewhere
	local q patience=50
	tc -n "$A" qdisc replace dev up0 root noqueue
	for ((q = 0; q < vm_queues; q++)); do
		sent $q
		awk -v lane=$((q % n)) 'NR - 1 == lane { good = $1 > 0; next }
			$1 { bad = 1 } END { exit bad || !good }' <<<"$delta"
	done
}
check "no queue discipline" no_qdisc
tc -n "$A" qdisc replace dev up0 root mq
card_counts=
check "mq again" every_lane "$n"

without_headers() { # the stock output path
	make_port up0 output stack
	every_lane "$n"
}
check "output stack: the same" without_headers
firewall() { # which is taken by itself while there is a rule
	make_port up0
	in_ns "$A" nft -f - <<-END
		table ip t {
			chain out { type filter hook output priority 0; counter comment "seen"; }
		}
	END
	every_lane "$n"
	in_ns "$A" nft -j list table ip t |
		jq -e "[.. | .counter? // empty | .packets] | add >= $((8 * flows * frames))"
	in_ns "$A" nft delete table ip t
	every_lane "$n"
}
check "a firewall on the outer packets sees them, and the lane stays" firewall

fragments() {
	make_port up0 nopmtudisc ignore-df
	ip -n "$A" link set m0 mtu 1500
	ip -n "$A" link set up0 mtu 576
	cards_ready
	pieces=3
	echo big >&"$to_vm"
	read -r <&"$from_vm"
	every_lane "$n"
}
check "fragments keep the lane, too" fragments
ip -n "$A" link set up0 mtu 1500
echo small >&"$to_vm"
read -r <&"$from_vm"
cards_ready
make_port up0

tcpdump_sees() {
	in_ns "$A" timeout 20 tcpdump -i up0 -c 160 -w "$tmp/cap" 'proto gre' 2>"$tmp/err" &
	local pid=$!
	until_true 10 grep -q listening "$tmp/err"
	sent 1
	wait "$pid"
}
check "packet taps on the uplink see the packets" tcpdump_sees
tc_sees() {
	tc -n "$A" qdisc add dev up0 clsact
	tc -n "$A" filter add dev up0 egress protocol ip flower ip_proto 0x2f action pass
	every_lane "$n"
	tc -n "$A" -s -j filter show dev up0 egress | tee "$tmp/tc"
	jq <"$tmp/tc" -e "[.. | .stats? // empty | .packets // empty] | add >= $((8 * flows * frames))"
	tc -n "$A" qdisc del dev up0 clsact
}
check "tc filters on the uplink see the packets" tc_sees
bql() { # the limit is worked out from what is sent and completed
	local q
	for ((q = 0; q < n; q++)); do
		in_ns "$A" cat /sys/class/net/up0/queues/tx-$q/byte_queue_limits/limit
	done | awk '{ print "limit " $1 } $1 <= 0 { bad = 1 } END { exit bad || !NR }'
}
if [[ -e /sys/class/net/up0/queues/tx-0/byte_queue_limits ]] ||
	in_ns "$A" test -e /sys/class/net/up0/queues/tx-0/byte_queue_limits; then
	check "byte queue limits are at work on every lane" bql
fi

at_rest() {
	local seen
	seen=$(uplink)
	sleep 0.3
	[[ $(uplink) == "$seen" ]]
}
resize() { # under load; afterwards the lanes fit the new number
	local k
	echo stream >&"$to_vm"
	read -r <&"$from_vm"
	for k in 2 1 3 4 1 4; do
		((k <= n)) || continue
		in_ns "$A" ethtool -L up0 combined "$k"
		sleep 0.3
	done
	in_ns "$A" ethtool -L up0 combined 2
	echo stop >&"$to_vm"
	read -r <&"$from_vm"
	until_true 20 at_rest
	cards_ready
	every_lane 2
	in_ns "$A" ethtool -L up0 combined "$n"
	sleep 0.5
	cards_ready
	every_lane "$n"
}
if ((n > 2)); then
	check "ethtool -L on the uplink under load" resize
fi

ksft_end
