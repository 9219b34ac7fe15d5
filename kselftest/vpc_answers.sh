#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What the host answers for others: ARP and neighbour discovery, what is too
# long, whose time is up; the virtual gateway; who is told of what nobody knows;
# and what trace says of all that. See tenants_lib.sh for who is where.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
all_vms
gateway=02:00:00:00:00:fe

counter() { spec "$A" port-get "ifname=tap$1" | head -n 1 | jq "$2"; }

answered() { # whoever has it does not hear of it
	local before
	reset red2
	before=$(counter red1 .answered)
	vm red1 ping --to "$(ip4_of red2)" --count 1
	vm red1 ping --to "$(ip6_of red2)" --count 1
	(($(counter red1 .answered) >= before + 2))
	reports red2 '[.queues[] | .rx_arp] | add == 0'
}
check "ARP and neighbour discovery are answered here" answered

unknown() { # asked for, and sent, all the same
	reset red2 blue2
	fails vm red1 send --to 10.9.0.77 --count 1
	reports red2 '[.queues[] | .rx_arp] | add > 0'
	silence blue2
	vm red1 send --to 10.9.0.77@02:00:00:00:00:77 --count 1
	port_is red1 '.drop.unknown_mac > 0'
}
check "who is not known is asked for, and not sent to" unknown

miss() {
	start "$A" "$programs/vpcctl" watch --json >"$tmp/events"
	until_true 10 in_ns "$A" awk '$2 == 16 && $4 != "00000000" { found = 1 }
		END { exit !found }' /proc/net/netlink
	local began=$SECONDS
	vm red1 send --to 10.9.0.77@02:00:00:00:00:77 --count 500 --rate 0
	until_true 5 grep -q '02:00:00:00:00:77' "$tmp/events"
	(($(grep -c '02:00:00:00:00:77' "$tmp/events") <= 2 + SECONDS - began))
}
check "a miss is told of, not oftener than once a second" miss

gateway() {
	spec "$A" vpc-new replace id=7 name=red gateway=$gateway
	vm red2 reset >/dev/null
	vm red1 send --to "10.9.0.2@$gateway" --count 10 --rate 100 >/dev/null
	vm red2 wait --frames $((10 * vm_queues)) >/dev/null
	vm red3 reset >/dev/null
	vm red1 send --to "10.9.0.3@$gateway" --count 10 --rate 100 >/dev/null
	vm red3 wait --frames $((10 * vm_queues)) >/dev/null
	vm red1 send --to "10.9.0.99@$gateway" --count 1 >/dev/null
	port_is red1 '.drop.unknown_address > 0'
}
check "the virtual gateway routes, to here and there" gateway
results "gateway" in_ns "$A" "$here/vpc_route.py"

# steps WORD...: what trace says, as NAME: TEXT.
steps() {
	ctl "$A" trace "$@" --json | tee "$tmp/trace" |
		jq -r '.steps[] | "\(.name): \(.text)"'
}
trace_sent() {
	steps --port tapred1 --src-mac 02:00:00:00:00:01 --dst-mac 02:00:00:00:00:02 \
		--src-ip 10.9.0.1 --dst-ip 10.9.0.2 --protocol udp --dport 7 >"$tmp/said"
	cat "$tmp/said"
	grep -q 'the remote 10.1.0.2' "$tmp/said"
	grep -q 'it is sent' "$tmp/said"
}
check "trace says where a packet goes" trace_sent
trace_dropped() {
	steps --port tapred1 --src-mac 02:00:00:00:00:66 --dst-mac 02:00:00:00:00:02 \
		--src-ip 10.9.0.1 --dst-ip 10.9.0.2 --protocol udp --dport 7 >"$tmp/said"
	cat "$tmp/said"
	grep -q 'dropped (src_mac)' "$tmp/said"
}
check "... and why it does not" trace_dropped
trace_counts_nothing() {
	local before
	before=$(counter red1 'del(.ifindex)')
	steps --port tapred1 --src-mac 02:00:00:00:00:66 --dst-mac 02:00:00:00:00:02 \
		--src-ip 10.9.0.1 --dst-ip 10.9.0.2 --protocol udp --dport 7 >/dev/null
	[[ $(counter red1 'del(.ifindex)') == "$before" ]]
}
check "... and counts nothing" trace_counts_nothing

# The tunnel's MTU is less than that of the VMs.
ip -n "$A" link set mgre0 mtu 1400
results "oversize" in_ns "$A" "$here/vpc_toobig.py"
ip -n "$A" link set mgre0 mtu 1500

limited() { # broadcasts, as fast as it goes: no more than 10,000 copies in a second
	local before dropped began took n copies=202 # 201 remotes, red3
	for ((n = 1; n <= 200; n++)); do
		echo "remote-new vpc=7 address=10.1.1.$n flood=flag:"
	done | spec "$A" - >/dev/null
	before=$(counter red1 '.["rx-packets"]') dropped=$(counter red1 '.drop.flood_rate // 0')
	began=${EPOCHREALTIME/./}
	vm red1 send --to 10.9.0.255@ff:ff:ff:ff:ff:ff --count 2000 --rate 0 >/dev/null
	took=$((${EPOCHREALTIME/./} - began))
	before=$(($(counter red1 '.["rx-packets"]') - before))
	dropped=$(($(counter red1 '.drop.flood_rate // 0') - dropped))
	echo "$before passed, $dropped did not, in $took us"
	((before + dropped == 2000 * vm_queues))
	# At once, in that time, and the frame that goes beyond.
	((before * copies <= 10000 + took / 100 + copies))
	((before * copies >= 10000))
	silence blue1 blue2 blue3
}
reset blue1 blue2 blue3
check "a port's broadcasts are limited" limited

ksft_end
