# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What tunmq_vhost.sh and tunmq_guest.sh share: a VM behind vhost-net, of which
# both directions are counted, on the queues of the card and on its own. Sourced
# after lanes_lib.sh.
#
#	A: VM - tap0 - br0 - m0 - up0 10.1.0.1 ~~~ wire ~~~ up1 10.1.0.2 - m0 :B
#	   4 queues          mqgre  N queues              N queues       mqgre

vm_mac=02:00:00:00:00:01

# boot_vm PROGRAM: it plays the VM.
boot_vm() {
	load_kind
	modprobe -a tun bridge vhost_net
	two_cards
	# start_vm runs it.
	# shellcheck disable=SC2034
	vm_program=$1
	tunnel "$B" m0 "$KIND" 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 key 7
	ip -n "$B" neigh replace 10.2.0.1 dev m0 lladdr $vm_mac nud permanent
	start_vm "$(mac "$B" m0)"
	make_port up0
	bridge -n "$A" fdb replace $vm_mac dev tap0 master static
}

# arrived: packets received by each queue of the card so far, a line each.
arrived() {
	case $LANES_NIC in
	igb) in_ns "$A" ethtool -S up0 | awk '/rx_queue_[0-9]+_packets:/ { print $2 }' ;;
	virtio) in_ns "$A" "$here/qstats.py" up0 rx ;;
	esac
}

# vm_received: frames that the VM's queues got since it was asked last.
vm_received() {
	echo received >&"$to_vm"
	read -r reply <&"$from_vm"
	tr ' ' '\n' <<<"$reply"
}

# answer: the far end sends as much to the VM as one of its queues does. The
# ports are those of queue 0, so that a real VM has somebody who listens.
answer() {
	# shellcheck disable=SC2016
	in_ns "$B" bash -c 'for ((flow = 0; flow < $1; flow++)); do
			exec 3>/dev/udp/10.2.0.1/$((20000 + flow))
			for ((n = 0; n < $2; n++)); do echo x >&3; done
		done' answer $flows $frames
}

# returns N: of what the far end sends, that which the card receives on lane L
# of N comes on VM queue (L - base) mod N, all of it.
returns() {
	local n=$1 before lanes got want
	vm_received >/dev/null
	before=$(arrived)
	answer
	got=0
	for _ in {1..100}; do
		got=$(paste <(vm_received) <(tr ' ' '\n' <<<"$got") | awk '{ print $1 + $2 }')
		(($(sum "$got") < flows * frames)) || break
		sleep 0.1
	done
	lanes=$(less "$(arrived)" "$before")
	want=$(awk -v n="$n" -v base=$base -v vm=$vm_queues '
		{ c[(NR - 1 - base % n + n) % n % vm] += $1 }
		END { for (q = 0; q < vm; q++) print c[q] + 0 }' <<<"$lanes")
	echo "card $(paste -sd' ' <<<"$lanes"), VM $(paste -sd' ' <<<"$got")," \
		"want $(paste -sd' ' <<<"$want")"
	[[ $got == "$want" && $(sum "$got") == $((flows * frames)) ]]
}

# receive_on LANE N: the card, an igb, receives everything on that lane.
receive_on() {
	local weights
	weights=$(for ((q = 0; q < $2; q++)); do echo $((q == $1)); done)
	# shellcheck disable=SC2086
	in_ns "$A" ethtool -X up0 weight $weights
}

# losses: where packets have gone, for whoever looks for one that is missing.
losses() {
	local dev
	for dev in tap0 m0 up0; do
		in_ns "$A" grep -H '[1-9]' "/sys/class/net/$dev/statistics/"{r,t}x_{dropped,errors} || true
	done
	tc -n "$A" -s qdisc show dev up0 | grep -B1 'dropped [1-9]' || true
}

or_losses() { "$@" || { losses; false; }; }

# there TEXT: from the VM to the wire.
there() {
	local q
	for ((q = 0; q < vm_queues; q++)); do
		check "$1: VM queue $q leaves on lane $(((base + q) % LANES_QUEUES))" \
			or_losses lane_of $q "$LANES_QUEUES"
	done
	check "$1: all VM queues at once" or_losses all_lanes "$LANES_QUEUES"
}

# back TEXT: from the wire to the VM.
back() {
	local lane
	if [[ $LANES_NIC != igb ]]; then
		check "$1: what comes on a lane goes to its VM queue" returns "$LANES_QUEUES"
		return
	fi
	for ((lane = 0; lane < LANES_QUEUES; lane++)); do
		receive_on $lane "$LANES_QUEUES"
		check "$1: what comes on lane $lane goes to its VM queue" returns "$LANES_QUEUES"
	done
}

# both_ways BASE...: the VM gets lanes while it runs, then others.
both_ways() {
	there "stock tun"
	load_tun_mq
	for base; do
		in_ns "$A" vpcctl lanes set tap0 --uplink up0 --base "$base"
		there "base $base"
		back "base $base"
	done
	in_ns "$A" vpcctl lanes unset tap0
	base=0
	there "let go"
	unload_tun_mq
	there "without the module"
}
