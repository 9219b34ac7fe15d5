#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# tun with the series of tun_mq/patches: the attribute "lanes" of a tap, and
# the queues that it selects for what another tap sent on its queues.
#
#	tapA - br0 - tapB
#	8 queues     4 queues
#
# With "BASE LANES" VM queue q of A comes up on queue (q - BASE) mod LANES of
# B, modulo B's queues. The stock driver is put back at the end.

. "$(dirname -- "$0")/lib.sh"
. "$here/standin_lib.sh"

patched=$here/../build/tun-patched/$(uname -r)/tun.ko
count=40
[[ -f $patched ]] || ksft_skip_all "no patched tun: make tun-patched"
modprobe -a tun bridge
new_ns A

# use_tun MODULE: instead of the one that is loaded.
use_tun() {
	modprobe -qr vhost_net || true
	# Who had a tap may still be busy closing it.
	until_true 10 rmmod tun
	insmod "$1"
}
cleanup() {
	kill_vms
	ip netns del "$A"
	until_true 10 rmmod tun
	modprobe tun
}

start_vms() {
	ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$A" addr add 10.9.0.99/24 dev br0
	ip -n "$A" link set br0 up
	boot_vm B "$1"
	join B
	boot_vm A 8
	join A
	vm A ping --to 10.9.0.2 >/dev/null
}
stop_vms() {
	halt_vm A
	halt_vm B
	ip -n "$A" link del br0
}

lanes() { in_ns "$A" cat /sys/class/net/tapB/lanes; }
# set_lanes TEXT: with one write, by a program that says what went wrong.
set_lanes() { printf %s "$1" | in_ns "$A" "${by[@]}" tee /sys/class/net/tapB/lanes >/dev/null; }
by=()

# arrivals: A sends on all its queues; for each a line with the counts by B's
# queues.
arrivals() {
	vm B reset >/dev/null
	vm A send --to 10.9.0.2 --count $count --rate "${rate:-500}" >/dev/null
	vm B wait --frames $((8 * count)) >/dev/null
	vm B stats | jq -c '.series | sort_by(.from_queue) | .[].by_queue'
}

# host_arrivals: the host itself sends; counts by B's queues.
host_arrivals() {
	vm B reset >/dev/null
	in_ns "$A" python3 -c '
import socket
for port in range(20000, 20064):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.99", port))
    s.sendto(b"x", ("10.9.0.2", 9))'
	until_true 5 host_arrived
	vm B stats | jq -c '[.queues[].rx_other]'
}
host_arrived() { (($(vm B stats | jq '[.queues[].rx_other] | add') == 64)); }

# lanes_hold "BASE LANES": each queue where it belongs, and nowhere else.
lanes_hold() {
	local base=$1 lanes=$2 queues want q
	queues=$(vm B stats | jq '.queues | length')
	want=$(for q in {0..7}; do
		jq -nc "[range($queues) | if . == $(((q % lanes + lanes - base) % lanes % queues)) then $count else 0 end]"
	done)
	seen=$(arrivals)
	paste <(echo "$want") <(echo "$seen")
	[[ $seen == "$want" ]]
}
try_lanes() {
	set_lanes "$*"
	[[ $(lanes) == "$*" ]]
	lanes_hold "$1" "$2"
}

start_vms 4
stock=$(arrivals)
stock_host=$(host_arrivals)
stop_vms
use_tun "$patched"
start_vms 4

is_off() {
	local file=/sys/class/net/tapB/lanes
	[[ $(in_ns "$A" stat -c %a $file) == 644 && $(lanes) == off ]]
}
check "a new tap has no lanes" is_off
as_stock() {
	local seen
	seen=$(arrivals)
	diff <(echo "$stock") <(echo "$seen")
	[[ $(host_arrivals) == "$stock_host" ]]
}
check "without lanes queues are selected as stock does" as_stock

for setting in "0 8" "4 8" "7 8" "0 4" "3 4" "2 5" "1 3" "0 1" "5 4096" "4095 4096"; do
	# shellcheck disable=SC2086
	check "lanes $setting" try_lanes $setting
done

host_as_stock() {
	local seen
	set_lanes "3 8"
	seen=$(host_arrivals)
	echo "$seen, stock $stock_host"
	[[ $seen == "$stock_host" ]]
}
check "packets without a recorded queue are not touched" host_as_stock

refused() { # refused ERROR TEXT
	fails set_lanes "$2" 2>"$tmp/said" || { echo "taken: '$2'"; return 1; }
	cat "$tmp/said"
	grep -q "$1" "$tmp/said"
}
garbage() {
	local text
	set_lanes "3 8"
	for text in $'\n' on 0 "0 0" "8 8" "9 8" "0 4097" "-1 8" "0 -8" "x 8" "0 8x" \
		"0 8 9" "0 8 overrid" "0 8 override x" "0 8override" "0 8  override" "  0 8" \
		"0  8" $'0\t8' $'0\n8' "00 8" "+0 8" "0x0 8" "4294967296 8" "0 4294967304" \
		"18446744073709551616 8" offf "off 0" OFF $'0 8\n\n' \
		"$(printf '0 8 override%.0s' {1..200})"; do
		refused "Invalid argument" "$text"
		[[ $(lanes) == "3 8" ]]
	done
	set_lanes $'2 8 override\n'
	[[ $(lanes) == "2 8 override" ]]
}
check "garbage is refused, and changes nothing" garbage

steered() {
	local seen
	set_lanes "0 8"
	"$here/tap_steer.py" "$(pid_of B)" 2
	seen=$(arrivals)
	echo "$seen"
	[[ $(uniq <<<"$seen") == "[0,0,$count,0]" ]]
}
check "a steering program keeps its choice" steered
check "... unless overridden" try_lanes 3 8 override
without_record() {
	[[ $(host_arrivals) == "[0,0,64,0]" ]]
}
check "... but for packets without a recorded queue" without_record
back() {
	set_lanes off
	[[ $(uniq <<<"$(arrivals)") == "[0,0,$count,0]" ]]
	"$here/tap_steer.py" "$(pid_of B)" off
	as_stock
}
check "off: as stock again" back

unprivileged() { # also root, if it has not got the capability
	by=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
	refused "Operation not permitted" "1 8"
	by=(setpriv --reuid=65534 --clear-groups)
	refused "Permission denied" "1 8"
	is_off
}
check "writing needs CAP_NET_ADMIN" unprivileged
own_ns() { # the capability in the namespace's own user namespace will do
	unshare -Urnm sh -ec 'mount -t sysfs none /sys
		ip tuntap add tap0 mode tap multi_queue
		echo "1 4" >/sys/class/net/tap0/lanes
		cat /sys/class/net/tap0/lanes' | grep -qx '1 4'
}
check "the namespace's own admin may" own_ns

changed() { # under traffic; no packet is lost
	local pid count=400 rate=100 seen
	while :; do
		for text in "0 8" off "3 4" "1 8 override"; do set_lanes "$text"; done
	done &
	pid=$!
	seen=$(arrivals) || { kill $pid; false; }
	kill $pid
	echo "$seen"
	[[ $(vm B stats | jq .lost) == 0 ]]
}
check "changes under traffic lose nothing" changed

stop_vms
start_vms 3
check "three queues" try_lanes 2 8
halt_vm B
boot_vm B 1
join B
check "one queue" try_lanes 2 8
stop_vms

unattached() { # a tap without queues
	in_ns "$A" ip tuntap add tapB mode tap multi_queue
	set_lanes "2 8"
	ip -n "$A" link set tapB up
	in_ns "$A" ping -q -c 3 -i 0.05 -W 0.1 -I tapB 10.9.0.1 || true
	[[ $(lanes) == "2 8" ]]
	ip -n "$A" link del tapB
}
check "a tap without queues" unattached

ksft_end
