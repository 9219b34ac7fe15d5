#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Who chooses the queue of packets to the VM: lanes, a steering program that
# the tap has of its own, one that vpcctl attaches, or the driver; and what is
# said where lanes cannot be had.
#
#	A: tapa - br0 - tapb      up8: the uplink, a dummy with 8 queues
#	   8 queues     4 queues

. "$(dirname -- "$0")/lib.sh"
. "$here/taps_lib.sh"

tunmq_begin
dummy_uplink up8 8
boot_vm a 8
boot_vm b 4
join a
join b
vm a ping --to "$(at b)" >/dev/null
stock=$(arrivals a b)
lanes set tapa --uplink up8 --base 0

# all_on QUEUE: whatever A sends comes up on this queue of B.
all_on() {
	local seen want
	want=$(jq -nc --argjson q "$1" --argjson count $count \
		'[range(4) | if . == $q then $count else 0 end]')
	seen=$(arrivals a b)
	echo "$seen"
	[[ $(uniq <<<"$seen") == "$want" ]]
}
as_stock() {
	local seen
	seen=$(arrivals a b)
	diff <(echo "$stock") <(echo "$seen")
}
leave_on_lanes() { # A's own lanes, both ways on dummies: what counts as sent
	local before
	before=$(show tapa '[.queues[].tx_packets]')
	arrivals a b >/dev/null
	[[ $(jq -nc --argjson a "$(show tapa '[.queues[].tx_packets]')" --argjson b "$before" \
		'[range(8) | $a[.] - $b[.]] | unique') == "[$count]" ]]
}

chosen() { # the mode that is best, and what it does
	lanes set tapb --uplink up8 --base 2
	is tapb '"\(.mode) \(.to_vm) \(.override)"' "$mode lanes false"
	led a b
}
check "lanes lead to their queue" chosen

steered() { # a program that the tap has keeps the choice, and that is counted
	local before
	before=$(show tapb .rx_program)
	"$here/tap_steer.py" "$(pid_of b)" 2
	all_on 2
	[[ $TUN == patched ]] && return
	is tapb .to_vm program
	is tapb ".rx_program - $before" $((8 * count))
	lanes show | grep -q program
}
check "a steering program keeps its choice" steered
first() {
	lanes set tapb --override
	is tapb '"\(.to_vm) \(.override)"' 'lanes true'
	led a b
}
check "... unless overridden" first
off_again() { # taken anew, it is as at first
	lanes unset tapb
	all_on 2
	lanes set tapb --uplink up8 --base 3
	all_on 2
	"$here/tap_steer.py" "$(pid_of b)" off
	is tapb .to_vm lanes
	led a b
}
check "... lanes are back when the program is gone" off_again

mode_off() {
	lanes set tapb --mode off
	is tapb '"\(.mode) \(.to_vm)"' 'off off'
	as_stock
	leave_on_lanes
	lanes set tapb --mode auto
	is tapb '"\(.mode) \(.to_vm)"' "$mode lanes"
	led a b
}
check "mode off: the driver chooses, packets from the VM have lanes" mode_off

ebpf() {
	lanes set tapb --base 1 --mode ebpf
	is tapb '"\(.mode) \(.to_vm)"' 'ebpf lanes'
	led a b
	lanes set tapb --base 6
	led a b
}
check "mode ebpf, the queue found among those of all processes" ebpf
ebpf_fd() { # handed over, as a VMM's management would
	in_ns "$A" python3 - "$(pid_of b)" "$programs/vpcctl" <<-'END'
		import os, subprocess, sys
		sys.path.insert(0, ".")
		import tap_steer
		fd = tap_steer.queue_of(int(sys.argv[1]))
		os.set_inheritable(fd, True)
		command = [sys.argv[2], "lanes", "set", "tapb", "--mode", "ebpf", "--base", "5", "--fd"]
		subprocess.run(command + [str(fd)], pass_fds=[fd], check=True)
		refused = subprocess.run(command + ["0"], pass_fds=[fd], stderr=subprocess.PIPE)
		assert refused.returncode == 1 and b"is no queue of tapb" in refused.stderr, refused
	END
	is tapb '"\(.mode) \(.base)"' 'ebpf 5'
	led a b
}
check "... or handed over" ebpf_fd
kept() { # and attached again when QEMU, or whoever, has taken it off
	local pid
	ip netns exec "$A" "$programs/vpcctl" lanes set tapb --base 7 --mode ebpf --keep \
		2>"$tmp/kept" &
	pid=$!
	until_true 10 led a b
	"$here/tap_steer.py" "$(pid_of b)" off
	until_true 10 grep -q 'steering program again' "$tmp/kept"
	led a b
	lanes set tapb --base 2 --mode ebpf
	led a b
	kill $pid
	wait $pid
	as_stock
	lanes set tapb --mode auto
	led a b
}
check "... and kept on the tap" kept
ebpf_ends() { # nothing of it stays on the tap
	lanes set tapb --mode ebpf
	lanes unset tapb
	as_stock
	lanes set tapb --uplink up8 --base 2 --mode ebpf
	lanes set tapb --mode auto
	is tapb .to_vm lanes
	led a b
}
check "... and taken off in the end" ebpf_ends

if [[ $TUN == stock ]]; then
	no_patch() {
		lanes set tapb --mode patch
		is tapb '"\(.mode) \(.to_vm)"' 'patch unavailable'
		[[ $(show tapb .reason) == *tun_mq/patches* ]]
		leave_on_lanes
		as_stock
		lanes set tapb --mode auto
		led a b
	}
	check "mode patch where there is none: unavailable, and says where" no_patch
	pinned() { # as long as packets are redirected
		fails sysctl -qw kernel.ftrace_enabled=0
		[[ $(</proc/sys/kernel/ftrace_enabled) == 1 ]]
		led a b
	}
	check "ftrace cannot be disabled under it" pinned
	taken() {
		unload_tun_mq
		insmod "$other" function=tun_select_queue
		load_tun_mq
		lanes set tapa --uplink up8 --base 0
		lanes set tapb --uplink up8 --base 2
		is tapb '"\(.mode) \(.to_vm)"' 'ftrace unavailable'
		[[ $(show tapb .reason) == *another* ]]
		lanes show | grep -q another
		as_stock
		leave_on_lanes
	}
	instead() {
		lanes set tapb --mode ebpf
		is tapb .to_vm lanes
		led a b
		lanes set tapb --mode off
	}
	free_again() {
		rmmod redirect_other
		lanes set tapb --mode auto
		is tapb '"\(.mode) \(.to_vm)"' 'ftrace lanes'
		led a b
	}
	other=$here/../build/modules/$(uname -r)/redirect_other/redirect_other.ko
	if [[ -f $other ]]; then
		check "another redirects: unavailable, and says why; the way out works" taken
		check "... mode ebpf works there" instead
		check "... and ftrace, when the other is gone" free_again
	else
		skip "another that redirects the same function" "no redirect_other.ko: make guest"
	fi
	tracer() { # who only traces the same function is no obstacle, nor disturbed
		local t=/sys/kernel/tracing
		mountpoint -q $t || mount -t tracefs tracefs $t
		echo tun_select_queue >$t/set_ftrace_filter
		echo function >$t/current_tracer
		led a b
		echo nop >$t/current_tracer
		led a b
		echo >$t/set_ftrace_filter
		grep -q . $t/enabled_functions
		grep -q tun_select_queue $t/enabled_functions
	}
	check "the function tracer on the same function is no obstacle" tracer
else
	both() { # ftrace with a patched driver, by choice
		lanes set tapb --mode ftrace
		is tapb '"\(.mode) \(.to_vm)"' 'ftrace lanes'
		[[ $(in_ns "$A" cat /sys/class/net/tapb/lanes) == off ]]
		led a b
		lanes set tapb --mode patch
		[[ $(in_ns "$A" cat /sys/class/net/tapb/lanes) == "2 8" ]]
		led a b
	}
	check "mode ftrace by choice" both
fi

ksft_end
