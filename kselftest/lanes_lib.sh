# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of lanes share: a VM's tap in a bridge with a tunnel port, and
# the counts of the queues of a card below. Sourced after lib.sh.
#
#	$A: tap0 - br0 - m0 - ... - $card
#	    4 queues    mqgre      N queues

vm_queues=4
flows=16
frames=10
card=up0
# The lane of the VM's queue 0, and the program that plays the VM.
base=0
vm_program=tap_send.py
# Set to a program that prints a line for each queue of a card, if neither the
# driver nor its queues' schedulers tell.
card_counts=

mac() { in_ns "$1" cat "/sys/class/net/$2/address"; }

# two_cards: up0 in A and up1 in B, which know each other.
two_cards() {
	new_ns A B
	ip link set up0 netns "$A"
	ip link set up1 netns "$B"
	ip -n "$A" addr add 10.1.0.1/24 dev up0
	ip -n "$B" addr add 10.1.0.2/24 dev up1
	ip -n "$A" link set up0 up
	ip -n "$B" link set up1 up
	cards_ready
}
# Before the namespaces go, the cards come home.
cleanup() {
	[[ -z ${B:-} ]] || ip -n "$B" link set up1 netns 1
	ip -n "$A" link set up0 netns 1
	unload_tun_mq
}
# cards_ready: waits for the link, which comes and goes with some changes.
cards_ready() {
	until_true 20 pings "$A" 10.1.0.2 -W 1
	# Or one asks for the other's address, and is counted.
	ip -n "$A" neigh replace 10.1.0.2 dev up0 lladdr "$(mac "$B" up1)" nud permanent
	ip -n "$B" neigh replace 10.1.0.1 dev up1 lladdr "$(mac "$A" up0)" nud permanent
}

# uplink: packets sent by each queue of the card so far, a line each.
uplink() {
	if [[ -n $card_counts ]]; then
		in_ns "$A" "$here/$card_counts" "$card" tx
	elif [[ $card == up* && $LANES_NIC == igb ]]; then
		in_ns "$A" ethtool -S "$card" |
			awk '/tx_queue_[0-9]+_packets:/ { print $2 }'
	else
		# The queues' own schedulers count.
		tc -n "$A" -s class show dev "$card" | awk '/^class mq / { on = 1 }
			on && $1 == "Sent" { print $4; on = 0 }'
	fi
}

less() { paste <(echo "$1") <(echo "$2") | awk '{ print $1 - $2 }'; }
sum() { awk '{ s += $1 } END { print s + 0 }' <<<"$1"; }

# xps CPUS...: which CPUs (a mask) each queue of the card is for.
xps() {
	local q=0 mask
	for mask; do
		in_ns "$A" sh -c "echo $mask >/sys/class/net/$card/queues/tx-$q/xps_cpus"
		q=$((q + 1))
	done
}

# start_vm FAR-MAC [LENGTH]: a VM with four queues sends to that address.
start_vm() {
	ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$A" link set br0 up
	ip netns exec "$A" ip tuntap add dev tap0 mode tap multi_queue
	ip -n "$A" link set tap0 master br0 up
	far=$1
	# It stays attached: a tap without carrier loses the bridge's favour.
	coproc VM { ip netns exec "$A" "$here/$vm_program" tap0 $vm_queues "$far" \
		$flows $frames "${2:-18}"; }
	ksft_pids+=("$VM_PID")
	exec {to_vm}>&"${VM[1]}" {from_vm}<&"${VM[0]}"
	read -r <&"$from_vm"
}

# make_port DEV OPTION...: the tunnel port m0, over DEV or any.
make_port() {
	local dev=$1
	shift
	ip -n "$A" link del m0 2>/dev/null || true
	# shellcheck disable=SC2086
	ip -n "$A" link add m0 ${port_queues:-} type "$KIND" local 10.1.0.1 \
		remote 10.1.0.2 key 7 ${dev:+dev "$dev"} "$@"
	ip -n "$A" link set m0 master br0 up
	bridge -n "$A" fdb replace "$far" dev m0 master static
}

# sent QUEUE...: sends on these VM queues; the card's counts go to $delta. Where
# packets may be dropped, $patience is how often to look, ten times a second.
sent() {
	local before after want total tries
	want=$(($# * flows * frames * ${pieces:-1}))
	before=$(uplink)
	echo "$@" >&"$to_vm"
	read -r <&"$from_vm"
	for ((tries = ${patience:-300}; tries > 0; tries--)); do
		after=$(uplink)
		delta=$(less "$after" "$before")
		total=$(sum "$delta")
		((total < want)) || break
		sleep 0.1
	done
	echo "VM queue $*: card $(paste -sd' ' <<<"$delta"), $want sent"
}

# lane_of QUEUE N: all of its packets on that card queue, none on others.
lane_of() {
	local q=$1 n=$2 want
	sent "$q"
	want=$(awk -v n="$(wc -l <<<"$delta")" -v lane=$(((base + q) % n)) \
		-v k=$((flows * frames * ${pieces:-1})) \
		'BEGIN { for (i = 0; i < n; i++) print i == lane ? k : 0 }')
	[[ $delta == "$want" ]]
}

all_lanes() { # all_lanes N: all VM queues at once
	local n=$1 want
	# shellcheck disable=SC2046
	sent $(seq 0 $((vm_queues - 1)))
	want=$(awk -v n="$n" -v lines="$(wc -l <<<"$delta")" -v vm=$vm_queues \
		-v base=$base -v k=$((flows * frames * ${pieces:-1})) 'BEGIN {
			for (q = 0; q < vm; q++) c[(base + q) % n] += k
			for (i = 0; i < lines; i++) print c[i] + 0 }')
	echo "want $(paste -sd' ' <<<"$want")"
	[[ $delta == "$want" ]]
}

# every_lane N: each VM queue by itself, and all at once.
every_lane() {
	local q
	for ((q = 0; q < vm_queues; q++)); do
		lane_of $q "$1"
	done
	all_lanes "$1"
}
