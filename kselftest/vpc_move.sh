#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A VM moves from host A to B and back, 100 times, while others send to it: nothing
# is lost, nothing comes twice, and its namesake of the other tenant hears nothing.
#
#	A: redA1, red3, blue1 - br0 - mgre0 - eth0 ~~~ eth0 - mgre0 - br0 - redB1, red2 :B
#
# redA1 and redB1 are the same VM, before and after: both run, and the ports say
# where it is.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

moves=$((100 * ${KSFT_ROUNDS:-1}))
two_hosts
new_vm red3 "$A"
new_vm blue1 "$A"
new_vm red2 "$B"
new_vm redA1 "$A"
route "$A" red2 $addr_B
route "$B" red3 $addr_A
route "$B" redA1 $addr_A
boot_vm redB1 $vm_queues "$B" --ip "$(ip6_of redB1)/64" --tenant "${vpc_id[red]}" --id 71
join redB1

# move FROM TO: from that host's tap to the other's.
move() {
	local from=$1 to=$2 here there
	here=$(ns_of "red${from}1") there=$(ns_of "red${to}1")
	ctl "$there" port move "tapred${to}1" --here --vpc red --mac "$(mac_of red1)" \
		--ip "$(ip4_of red1)" --ip "$(ip6_of red1)"
	local addr=addr_$to
	ctl "$here" port move "tapred${from}1" --to "${!addr}" --forward-for 30
}
is_at() { # is_at HOST: red's VM 1 answers both neighbours, and it is that one
	reset redA1 redB1
	vm red2 ping --to "$(at red1)" --count 1 >/dev/null
	vm red3 ping --to "$(at red1)" --count 1 >/dev/null
	reports "red${1}1" '[.queues[].rx_echo] | add == 2'
}

check "it is at A" is_at A
there_and_back() {
	move A B
	is_at B
	move B A
	is_at A
}
check "it moves to B, and back" there_and_back

# keeps_sending NAME: to red's VM 1, until told; a line for each run.
keeps_sending() {
	while [[ -d $tmp && ! -e $tmp/enough ]]; do
		vm "$1" send --to "$(at red1)" --count 50 --rate 100
	done >"$tmp/$1.sent"
}
under_traffic() {
	local n senders=()
	reset redA1 redB1 blue1
	for n in red2 red3; do
		keeps_sending "$n" &
		senders+=($!)
	done
	for ((n = 0; n < moves; n += 2)); do
		move A B
		move B A
	done
	touch "$tmp/enough"
	wait "${senders[@]}"
	sleep 1
}
check "$moves moves while others send" under_traffic

# all_of NAME ID: what it has sent has come to one of the two.
all_of() {
	local sent got
	sent=$(jq -s '[.[].sent[]] | add' "$tmp/$1.sent")
	got=$(jq -s --argjson id "$2" '[.[].series[] | select(.from == $id).frames] | add' \
		<(vm redA1 stats) <(vm redB1 stats))
	echo "$1: $sent sent, $got arrived"
	((sent > 1000 && got == sent))
}
check "... all that red2 sent has arrived" all_of red2 72
check "... all that red3 sent has arrived" all_of red3 73
both_whole() {
	local name
	for name in redA1 redB1; do
		reports $name '.duplicate == 0 and .corrupt == 0 and .foreign == 0 and .stamped > 100'
	done
}
check "... whole, and nothing twice" both_whole
check "... the namesake of the other tenant has heard nothing" silence blue1
check "in the end it is at A" is_at A

stale() { # what still comes to the old host is sent on, as long as was said
	# The other host has not heard of it: a route that is out of date.
	ctl "$A" port move tapredA1 --to $addr_B --forward-for 5
	ctl "$B" port move tapredB1 --here --vpc red --mac "$(mac_of red1)" \
		--ip "$(ip4_of red1)" --ip "$(ip6_of red1)"
	is_at B
	ctl "$B" port move tapredB1 --to $addr_A --forward-for 30
	# Both say now that it is with the other: no packet may go round for ever.
	vm red2 send --to "$(at red1)" --count 50 --rate 400 >/dev/null
	sleep 1
	start_wire
	sleep 1
	stop_wire
	wire '[.keys[].packets] | add // 0 | . < 100'
	ctl "$A" port move tapredA1 --here --vpc red --mac "$(mac_of red1)" \
		--ip "$(ip4_of red1)" --ip "$(ip6_of red1)"
	is_at A
}
check "routes in a circle end" stale

ksft_end
