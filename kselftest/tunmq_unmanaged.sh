#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A tap that is not managed is as it was: the same frames come out of it, byte
# for byte, on the same queues, and what its VM sends leaves on the same queues
# of the uplink; without the module, with it, while others are managed, and
# afterwards.
#
#	A: tapu \      tapa, tapb: managed at times
#	   tapv - br0 - wide8: a dummy with 8 queues

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"
. "$here/taps_lib.sh"

tunmq_begin
unload_tun_mq
card=wide8
dummy_uplink wide8 8
tc -n "$A" qdisc replace dev wide8 root handle 1: mq
ip -n "$A" link set wide8 master br0

# fresh_taps: such as have not learned of any flow.
fresh_taps() {
	local tap
	for tap in tapu tapv; do
		ip -n "$A" link del $tap 2>/dev/null || true
		in_ns "$A" ip tuntap add $tap mode tap multi_queue
		ip -n "$A" link set $tap master br0 up
	done
}
# frames FILE COMMAND: what comes out of the two taps, and what leaves by which
# queue, after something was done to them.
frames() {
	local before
	fresh_taps
	"$2"
	before=$(uplink)
	in_ns "$A" "$here/tap_frames.py" >"$1"
	less "$(uplink)" "$before" >>"$1"
}
same() { same_after true; }
same_after() {
	frames "$tmp/now" "$1"
	diff "$tmp/before" "$tmp/now" | cut -c 1-100
	cmp "$tmp/before" "$tmp/now"
}

frames "$tmp/before" true
plausible() { # the test sees what it should: all queues, both directions, no loss
	awk '/^tap/ { print $1, $2 }' "$tmp/before" | sort | uniq -c
	for q in 0 1 2 3; do
		grep -q "^tapv $q " "$tmp/before"
		grep -q "^tapu $q " "$tmp/before"
	done
	(($(grep -c '^tapv ' "$tmp/before") == 2 * 24 + 5 && $(grep -c '^tapu ' "$tmp/before") == 8))
	# The first time V's frames have to be looked for at all ports.
	[[ $(tail -n 8 "$tmp/before" | awk '$1 > 0' | wc -l) -ge 3 ]]
}
check "the test sees all queues" plausible
check "the same twice" same

load_tun_mq
check "with the module" same
boot_vm a 4
boot_vm b 4
join a
join b
vm a ping --to "$(at b)" >/dev/null
lanes set tapa --uplink wide8 --base 0
lanes set tapb --uplink wide8 --base 3
check "lanes lead to their queue" led a b
check "... and others' frames are as before" same
busy() { # the managed ones under load, the others as ever
	vm a send --to "$(at b)" --count 1000000 --rate 300 >/dev/null 2>&1 &
	sleep 0.2
	fresh_taps
	in_ns "$A" "$here/tap_frames.py" | grep '^tap' >"$tmp/now"
	grep '^tap' "$tmp/before" | cmp - "$tmp/now"
	kill_vm a
}
check "... also while the managed ones are busy" busy
mixed() { # from a managed tap to one that is not: by the driver's choice, with lanes or without
	local with
	boot_vm a 4
	join a
	boot_vm c 4
	join c
	vm a ping --to "$(at c)" >/dev/null
	lanes set tapa --uplink wide8 --base 5
	with=$(arrivals a c)
	lanes unset tapa
	echo "$with"
	[[ $(arrivals a c) == "$with" ]]
}
check "what a managed tap sends to one that is not comes as before" mixed
let_go() {
	lanes set tapu --uplink wide8 --base 2
	lanes set tapv --uplink wide8 --base 1
	lanes unset tapu
	lanes unset tapv
}
check "taps that were managed and let go are as before" same_after let_go
gone() {
	unload_tun_mq
	same
}
check "without the module again" gone

ksft_end
