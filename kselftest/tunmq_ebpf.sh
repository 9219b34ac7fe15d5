#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Mode ebpf: vpcctl gives the tap a steering program that follows lanes, keeps
# it there when asked to, and takes it off at the end.
#
#	VM a - tapA - br0 - tapB - VM b
#	8 queues       |    4 queues
#	              up0, 8 lanes

. "$(dirname -- "$0")/lib.sh"
. "$here/vms_lib.sh"

new_ns A
load_tun_mq
start_vms

# The steering programs that the kernel has, which are those that a tap has.
programs() { bpftool -j prog show | jq -c '[.[] | select(.name == "lanes_steer").id]'; }
has_none() { [[ $(programs) == '[]' ]]; }
has_one() { [[ $(programs | jq length) == 1 ]]; }

set_once() {
	lanes set tapB --uplink up0 --base 3 --mode ebpf
	has_one
	shown tapB '.mode == "ebpf"'
	followed 3
}
check "a program follows lanes" set_once
another() {
	lanes set tapB --base 5
	until_true 5 has_one
	followed 5
}
check "another base, another program" another
off() {
	lanes set tapB --mode ftrace
	until_true 5 has_none
	shown tapB '.mode == "ftrace" and .to_vm == "lanes"'
	followed 5
}
check "another mode takes it off" off
unset_it() {
	lanes set tapB --mode ebpf
	has_one
	lanes unset tapB
	until_true 5 has_none
}
check "letting go takes it off" unset_it

handed_over() {
	# The program's own copy of a queue of the VM.
	in_ns "$A" python3 - "$(pid_of B)" "$here/../build/bin/vpcctl" <<'END'
import ctypes, os, subprocess, sys
pid, vpcctl = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
names = os.listdir(f"/proc/{pid}/fd")
number = next(int(n) for n in names if os.readlink(f"/proc/{pid}/fd/{n}") == "/dev/net/tun")
fd = libc.syscall(438, os.pidfd_open(pid), number, 0)
os.set_inheritable(fd, True)
subprocess.run([vpcctl, "lanes", "set", "tapB", "--uplink", "up0", "--base", "1",
                "--mode", "ebpf", "--fd", str(fd)], check=True, pass_fds=[fd])
END
	followed 1
	lanes unset tapB
	until_true 5 has_none
}
check "through a queue that was handed over" handed_over

# keep OPTION...: starts it, with its number in $tmp/pid; its status, once it has
# ended, in $tmp/status.
keep() {
	rm -f "$tmp/status"
	in_ns "$A" sh -c '"$@" & echo $! >"$0/pid"; wait $!; echo $? >"$0/status"' "$tmp" \
		"$here/../build/bin/vpcctl" lanes set tapB --mode ebpf --keep "$@" \
		2>"$tmp/keep" &
	ksft_pids+=($!)
	until_true 5 has_one
}
ends() { # with status 0, and without a program
	until_true 5 grep -qx 0 "$tmp/status"
	until_true 5 has_none
}

keep --uplink up0 --base 2
check "kept: lanes are followed" followed 2
moves() {
	lanes set tapB --base 7
	until_true 5 has_one
	followed 7
}
check "kept: through another base" moves
has_new() { has_one && [[ $(programs) != "$1" ]]; }
taken_off() {
	local before
	before=$(programs)
	"$here/tap_steer.py" "$(pid_of B)" off
	until_true 5 has_new "$before"
	followed 7
}
check "kept: when it was taken off" taken_off
replaced() {
	local before
	before=$(programs)
	"$here/tap_steer.py" "$(pid_of B)" 0
	until_true 5 has_new "$before"
	followed 7
}
check "kept: when another was put in its place" replaced
stopped() {
	kill -INT "$(<"$tmp/pid")"
	ends
	shown tapB '.mode == "ebpf"'
}
check "kept: until it is stopped" stopped
let_go() {
	lanes unset tapB
	ends
	cat "$tmp/keep"
	grep -q 'tapB has no lanes any more' "$tmp/keep"
}
keep --uplink up0
check "kept: until the tap is let go" let_go
other_mode() {
	lanes set tapB --mode off
	ends
	grep -q 'tapB has another mode now' "$tmp/keep"
	shown tapB '.mode == "off"'
}
keep --uplink up0
check "kept: until it has another mode" other_mode

check_refused "without a VM" 'start the VM first' lanes set nosuch --mode ebpf
check_refused "no queue of the tap" 'is no queue of tapB' \
	lanes set tapB --mode ebpf --fd 0
fails_alike() { shown tapB '.mode == "off"'; }
check "what is refused changes nothing" fails_alike

ksft_end
