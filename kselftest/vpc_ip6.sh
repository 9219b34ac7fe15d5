#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Hosts that have IPv6 only between them: tenants apart, streams, what is flooded,
# what is too long, hostile packets from the wire; then a third host that is reached
# over IPv4, for the same tenant. See tenants_lib.sh for who is where (but blue3);
# besides, red5 on A and red6 on B have the kernel's own stack.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

addr_A=fd00:1::1 addr_B=fd00:1::2
join_hosts() {
	local ns
	ip link add eth0 netns "$A" type veth peer name eth0 netns "$B"
	for ns in "$A" "$B"; do
		# No shorter than what a VM's packets need around them.
		ip -n "$ns" link set eth0 mtu 1600 up
	done
	ipv6_pair "$A" eth0 $addr_A "$B" eth0 $addr_B
}
two_hosts
for name in red1 red3 blue1; do new_vm $name "$A"; done
for name in red2 blue2; do
	new_vm $name "$B"
	route "$A" $name $addr_B
done
for name in red1 red3 blue1; do route "$B" $name $addr_A; done
everybody=(red1 red2 red3 blue1 blue2)

# remote_of NS ADDR FIELD: red's counter of it.
remote_of() { spec "$1" remote-get vpc=7 "address=$2" | head -n 1 | jq ".[\"$3\"]"; }

apart() {
	local ns name
	for ns in "$A" "$B"; do
		[[ -z $(ip -n "$ns" -4 addr show dev eth0) ]]
	done
	start_wire
	reaches red1 red2
	reaches red2 red1
	reaches blue1 blue2
	reaches blue2 blue1
	stop_wire
	for name in "${everybody[@]}"; do no_foreign "$name"; done
	# The hosts that wirecheck knows are those of IPv6.
	only_keys '["7","9"]'
	wire '.keys["7"].packets > 10 and .keys["9"].packets > 10 and .fragments == 0'
}
check "tenants with the same addresses, each under its key" apart

streams() {
	reset "${everybody[@]}"
	local name sent came
	sent=$(remote_of "$A" $addr_B tx-packets) came=$(remote_of "$B" $addr_A rx-packets)
	start_wire
	vm red1 send --to "$(at red2)" --count 200 --rate 400 --size 1514 >/dev/null &
	vm blue2 send --to "$(at blue1)" --count 200 --rate 400 >/dev/null
	wait $!
	vm red2 wait --frames $((vm_queues * 200)) >/dev/null
	vm blue1 wait --frames $((vm_queues * 200)) >/dev/null
	stop_wire
	only_keys '["7","9"]'
	for name in red2 blue1; do
		reports "$name" '.lost == 0 and .corrupt == 0 and .foreign == 0 and .tagged == .stamped'
	done
	silence red3
	# Red's counts of the remote; blue has its own.
	(($(remote_of "$A" $addr_B tx-packets) == sent + 200 * vm_queues))
	(($(remote_of "$B" $addr_A rx-packets) == came + 200 * vm_queues))
}
check "UDP of both at once, nothing lost and nothing of one at the other" streams

flooded() {
	local sent
	reset "${everybody[@]}"
	sent=$(remote_of "$A" $addr_B tx-packets)
	start_wire
	vm red1 send --to 10.9.0.255@ff:ff:ff:ff:ff:ff --queue 0 --count 5 >/dev/null
	vm red2 wait --frames 5 >/dev/null
	vm red3 wait --frames 5 >/dev/null
	stop_wire
	only_keys '["7"]'
	wire '.keys["7"].packets == 5'
	(($(remote_of "$A" $addr_B tx-packets) == sent + 5))
	silence blue1 blue2
}
check "broadcasts reach the remote, once each" flooded
not_flooded() {
	ctl "$A" remote add red $addr_B --replace
	reset red2 red3
	vm red1 send --to 10.9.0.255@ff:ff:ff:ff:ff:ff --queue 0 --count 5 >/dev/null
	vm red3 wait --frames 5 >/dev/null
	sleep 0.2
	silence red2
	ctl "$A" remote add red $addr_B --replace --flood
}
check "... unless it is not to have them" not_flooded

hostile() {
	reset "${everybody[@]}"
	start_wire
	vm red1 hostile --count 5000 --to "$(at red2)" --to fd00:9::2@02:00:00:00:00:02 \
		--to "$(at red3)" --host "$addr_A" --host "$addr_B" --key 7 --key 9 >/dev/null
	sleep 0.5
	stop_wire
	only_keys '["7"]'
	silence blue1 blue2
	reports red2 '.tagged > 100 and .foreign == 0'
}
check "hostile frames of red come to nobody of blue" hostile

results "from the wire" in_ns "$A" "$here/vpc_wire.py" "$A" "$B" $((500 * ${KSFT_ROUNDS:-1})) 6
ctl "$A" remote del red fd00:1::4

# changed SCRIPT: A's configuration as a file, changed by sed, is applied.
changed() {
	ctl "$A" config export | sed "$1" >"$tmp/file.toml"
	ctl "$A" apply -f "$tmp/file.toml"
}
# new_stack NAME NS VAR: a VM that is a namespace, whose name goes to VAR.
new_stack() {
	local name=$1 ns=$2
	new_ns "$3"
	local -n vm_ns=$3
	ip link add eth0 netns "$vm_ns" address "$(mac_of "$name")" type veth \
		peer name "tap$name" netns "$ns"
	echo "$ns" >"$tmp/$name.ns"
	echo "tap$name" >"$tmp/$name.tap"
	make_port "$name"
	ipv6_pair "$vm_ns" eth0 "$(ip6_of "$name")"
	ip -n "$vm_ns" addr add "$(ip4_of "$name")/24" dev eth0
	ip -n "$vm_ns" link set eth0 up
	join "$name"
}
new_stack red5 "$A" FIVE
new_stack red6 "$B" SIX
route "$A" red6 $addr_B
route "$B" red5 $addr_A

# serves: red6 takes streams of TCP.
serves() { in_ns "$SIX" grep -q ':1451 .* 0A ' /proc/net/tcp6; }
start "$SIX" iperf3 -s >/dev/null
until_true 20 serves
tcp() {
	pings "$FIVE" "$(ip6_of red6)"
	iperf "$FIVE" "$(ip6_of red6)"
	iperf "$FIVE" "$(ip4_of red6)" -R
}
check "TCP" tcp

# fits NS ADDR SIZE: an echo with so much data, not to be fragmented, is answered.
fits() { in_ns "$1" ping -q -M do -c 1 -W 10 -s "$3" "$2"; }
# told NS ADDR SIZE MTU: such a one is refused, with that MTU.
told() {
	in_ns "$1" ping -M do -c 2 -i 0.2 -W 1 -s "$3" "$2" >"$tmp/said" 2>&1 || true
	cat "$tmp/said"
	grep -qE "mtu ?= ?$4\b" "$tmp/said"
}
narrow() { # IPv6, GRE with a key, and Ethernet are 62 bytes
	local ns
	for ns in "$A" "$B"; do ip -n "$ns" link set eth0 mtu 1500; done
	told "$FIVE" "$(ip4_of red6)" 1411 1438
	fits "$FIVE" "$(ip4_of red6)" 1410
	told "$FIVE" "$(ip6_of red6)" 1391 1438
	fits "$FIVE" "$(ip6_of red6)" 1390
}
check "what is too long is answered with what fits below IPv6" narrow
narrow_tcp() {
	start_wire
	iperf "$FIVE" "$(ip4_of red6)"
	iperf "$FIVE" "$(ip6_of red6)"
	stop_wire
	wire '.fragments == 0 and .keys["7"].packets > 100'
}
check "... and TCP finds its way, without fragments" narrow_tcp

own='the remote is an address of this host'
nobody='no address of one host'
check_refused "a remote that is this host" "$own" ctl "$A" remote add red $addr_A
check_refused "... in a file" "$own" changed "s/$addr_B/$addr_A/"
check_refused "a remote that is a group" "$nobody" ctl "$A" remote add red ff02::1
check_refused "a remote that is link-local" "$nobody" ctl "$A" remote add red fe80::1
check_refused "a remote that is nobody" "$nobody" ctl "$A" remote add red ::
check_refused "a remote that is the loopback" "$own" ctl "$A" remote add red ::1
check_refused "a remote that is there already, written otherwise" 'there already' \
	ctl "$A" remote add red fd00:1:0::0:2

# A third host, which A reaches over IPv4 only, and B does not know; red is there, too.
addr_AC=10.1.0.1 addr_C=10.1.0.3
new_ns C
veth_pair "$A" eth1 $addr_AC "$C" eth0 $addr_C
make_bridge "$C"
ctl "$C" config set --tunnel mgre0
ctl "$C" vpc add 7 --name red
ctl "$C" remote add red $addr_AC --flood
new_vm red4 "$C"
route "$C" red1 $addr_AC
route "$C" red5 $addr_AC
applied() { # remotes of both versions, and a route to either
	local red='^\[\[vpc.red.remotes\]\]' address third
	third="[[vpc.red.remotes]]\naddress = \"$addr_C\"\nflood = true\n\n&"
	changed "" >"$tmp/said"
	grep -q 'nothing to do' "$tmp/said"
	changed "0,/$red/s/$red/$third/
		\$a [[route]]\nvpc = \"red\"\nmac = \"$(mac_of red4)\"
		\$a addresses = [\"$(ip4_of red4)\", \"$(ip6_of red4)\"]\nvia = \"$addr_C\""
	changed "" >"$tmp/said"
	grep -q 'nothing to do' "$tmp/said"
	spec "$A" remote-get dump >"$tmp/said"
	for address in $addr_B $addr_C; do
		grep -q "\"$address\", \"flood\": true.*\"vpc\": 7" "$tmp/said"
	done
	spec "$A" entry-get vpc=7 "mac=$(mac_of red4)" | grep -q "\"remote\": \"$addr_C\""
	spec "$A" entry-get vpc=7 "mac=$(mac_of red2)" | grep -q "\"remote\": \"$addr_B\""
}
check "a file has remotes of both versions" applied
both() {
	reaches red1 red4
	reaches red4 red1
	reaches red1 red2
	reaches red3 red2
	told "$FIVE" "$(ip4_of red4)" 1431 1458
	fits "$FIVE" "$(ip4_of red4)" 1430
	fits "$FIVE" "$(ip4_of red6)" 1410
}
check "one tenant with a remote of each, and an MTU for each" both
flooded_to_both() {
	local name
	reset red2 red3 red4 blue1 blue2
	vm red1 send --to 10.9.0.255@ff:ff:ff:ff:ff:ff --queue 0 --count 5 >/dev/null
	for name in red2 red3 red4; do vm $name wait --frames 5 >/dev/null; done
	silence blue1 blue2
}
check "... broadcasts reach both" flooded_to_both
not_on() { # neither what one of them sends to all, nor what it sends to the other's VM
	reset red1 red2 red4
	vm red2 send --to 10.9.0.255@ff:ff:ff:ff:ff:ff --queue 0 --count 5 >/dev/null
	vm red1 wait --frames 5 >/dev/null
	ctl "$C" route add red "$(mac_of red2)" --via $addr_AC
	vm red4 send --to "$(at red2)" --queue 0 --count 5 >/dev/null
	sleep 0.2
	reports red4 '.stamped == 0'
	reports red2 '.stamped == 0'
}
check "... and A passes nothing on between them" not_on

ksft_end
