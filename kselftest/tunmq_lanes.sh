#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Both ways over a network card: all that VM queue q sends leaves on lane
# (base + q) mod N of the card, and what the card receives on a queue comes up
# on the VM queue of that lane.
#
#	A: tapa \                                                    br0 - tapz :B
#	   tapb - br0 - m0 - up0 10.1.0.1 ~~~ up1 10.1.0.2 - m0 -/
#	   4 queues   mqgre  N queues         N queues     mqgre     4 queues
#
# tapz is not managed. XPS is as the driver sets it.

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"
. "$here/taps_lib.sh"

need_nic
load_kind
two_cards
cleanup_more() {
	ip -n "$B" link set up1 netns 1
	ip -n "$A" link set up0 netns 1
}
tunmq_begin
ip -n "$B" link add br0 type bridge forward_delay 0 mcast_snooping 0
ip -n "$B" link set br0 up
boot_vm a 4
boot_vm b 4
boot_vm z 4 "$B"
for name in a b z; do join $name; done

# make_ports: a tunnel, and where the VMs are.
make_ports() {
	local end ns addr
	for end in 1 2; do
		ns=$A addr=$end
		((end == 1)) || ns=$B
		ip -n "$ns" link del m0 2>/dev/null || true
		ip -n "$ns" link add m0 numtxqueues 8 numrxqueues 8 type "$KIND" \
			local 10.1.0.$addr remote 10.1.0.$((3 - addr)) key 7 dev up$((end - 1))
		ip -n "$ns" link set m0 master br0 up
	done
	bridge -n "$A" fdb replace "$(mac_of z)" dev m0 master static
	bridge -n "$B" fdb replace "$(mac_of a)" dev m0 master static
	bridge -n "$B" fdb replace "$(mac_of b)" dev m0 master static
}

# card_rx: packets received by each queue of the card so far, a line each.
card_rx() {
	case $LANES_NIC in
	igb) in_ns "$A" ethtool -S up0 | awk '/rx_queue_[0-9]+_packets:/ { print $2 }' ;;
	virtio) in_ns "$A" "$here/qstats.py" up0 rx ;;
	esac
}
# receive_on [QUEUE]: all that comes to the card, where the card can do so. A
# virtio card of QEMU learns from what is sent on which queue.
receive_on() {
	local weights
	[[ $LANES_NIC == igb ]] || return 0
	((${1:--1} >= 0)) || { in_ns "$A" ethtool -X up0 default; return; }
	weights=$(jq -nr "[range($n) | if . == $1 then 1 else 0 end] | join(\" \")")
	# shellcheck disable=SC2086
	in_ns "$A" ethtool -X up0 weight $weights
}

# only QUEUE COUNT LINES: so many packets in the line of a queue, none in others.
only() {
	[[ $3 == "$(awk -v q="$1" -v k="$2" -v n="$(wc -l <<<"$3")" \
		'BEGIN { for (i = 0; i < n; i++) print i == q ? k : 0 }')" ]]
}

# leaves VM QUEUE: on its lane, all of it, and it is counted.
leaves() {
	local vm=$1 q=$2 base before after delta counted
	base=$(show "tap$vm" .base)
	counted=$(show "tap$vm" ".queues[$q].tx_packets")
	before=$(uplink)
	vm z reset >/dev/null
	vm "$vm" send --to "$(at z)" --queue "$q" --count $count --rate $rate >/dev/null
	vm z wait --frames $count >/dev/null
	after=$(uplink)
	delta=$(less "$after" "$before")
	counted=$(($(show "tap$vm" ".queues[$q].tx_packets") - counted))
	echo "tap$vm, base $base, queue $q: card $(paste -sd' ' <<<"$delta"), counted $counted"
	only $(((base + q) % n)) $count "$delta"
	((counted == count))
}

# returns VM QUEUE: replies to what the queue sent come up on it, if the card
# receives on the queue that it was sent on.
returns() {
	local vm=$1 q=$2 base lane before delta seen
	base=$(show "tap$vm" .base)
	lane=$(((base + q) % n))
	receive_on $lane
	vm "$vm" ping --to "$(at z)" --queue "$q" >/dev/null
	vm "$vm" reset >/dev/null
	before=$(card_rx)
	vm "$vm" ping --to "$(at z)" --queue "$q" --count 16 >/dev/null
	delta=$(less "$(card_rx)" "$before")
	seen=$(vm "$vm" stats | jq -c '[.queues[].rx_echo]')
	echo "tap$vm, base $base, queue $q: card $(paste -sd' ' <<<"$delta"), VM $seen"
	only $lane 16 "$delta"
	only $(((lane + n - base % n) % n % 4)) 16 "$(jq '.[]' <<<"$seen")"
}

# follows VM: whatever the card receives comes up where its lane leads.
follows() {
	local vm=$1 base q before counted delta want seen
	base=$(show "tap$vm" .base)
	for ((q = 0; q < n; q++)); do
		receive_on $q
		vm "$vm" reset >/dev/null
		before=$(card_rx)
		counted=$(show "tap$vm" '[.queues[].rx_packets]')
		vm z send --to "$(at "$vm")" --count $count --rate $rate >/dev/null
		vm "$vm" wait --frames $((4 * count)) >/dev/null
		delta=$(less "$(card_rx)" "$before")
		want=$(awk -v base="$base" -v n="$n" '
			{ c[(NR - 1 + n - base % n) % n % 4] += $1 }
			END { for (i = 0; i < 4; i++) print c[i] + 0 }' <<<"$delta" | paste -sd,)
		seen=$(vm "$vm" stats | jq -c '[.queues[].rx_stamped]')
		counted=$(jq -nc --argjson a "$(show "tap$vm" '[.queues[].rx_packets]')" \
			--argjson b "$counted" '[range(4) | $a[.] - $b[.]]')
		echo "tap$vm, base $base: card $(paste -sd' ' <<<"$delta"), VM $seen, counted $counted"
		(($(sum "$delta") == 4 * count))
		[[ $seen == "[$want]" ]]
		[[ $mode == patch || $counted == "$seen" ]]
	done
}

try_all() { # try_all TEXT
	local q
	for q in 0 1 2 3; do
		check "$1: tapa, queue $q leaves on its lane" leaves a $q
		check "$1: tapb, queue $q leaves on its lane" leaves b $q
		check "$1: ... and returns" returns b $q
	done
	check "$1: tapa, queue 2 returns" returns a 2
	check "$1: what arrives for tapb comes up where its lane leads" follows b
}

n=$LANES_QUEUES
make_ports
lanes set tapa
lanes set tapb --base $((n - 1))
found() { # the uplink behind bridge and tunnel
	is tapa .uplink_name up0
	is tapb .uplink_name up0
	is tapb '"\(.lanes) \(.mode) \(.to_vm)"' "$n $mode lanes"
}
check "the uplink is found behind the tunnel" found
try_all "$n lanes"

receive_on
if ((n > 1)); then
	n=$((n - 1))
	in_ns "$A" ethtool -L up0 combined $n
	sleep 0.5
	cards_ready
	check "the uplink has $n queues now" is tapb .lanes $n
	check "$n lanes: tapb, queue 0 leaves on its lane" leaves b 0
	if [[ $mode == patch && $LANES_NIC == virtio ]]; then
		# virtio_net changes them without a notice to anybody.
		skip "$n lanes: the way back" "a patched driver learns of it with the next event only"
	else
		check "$n lanes: ... and returns" returns b 0
		check "$n lanes: what arrives for tapb comes up where its lane leads" follows b
	fi
	receive_on
	in_ns "$A" ethtool -L up0 combined "$LANES_QUEUES"
	sleep 0.5
	cards_ready
	n=$LANES_QUEUES
	check "$n lanes again: tapb, queue 3 leaves on its lane" leaves b 3
	check "$n lanes again: ... and returns" returns b 3
fi

nothing_missed() { # but what had no lane from the start
	is tapa '[.tx_unrecorded, .tx_no_lanes, .rx_program, .rx_no_lanes]' '[0,0,0,0]'
	is tapb '[.tx_unrecorded, .tx_no_lanes, .rx_program, .rx_no_lanes]' '[0,0,0,0]'
}
check "no packet has missed its lane" nothing_missed

ksft_end
