# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tests of scripts/vm that boot a guest. Sourced by scripts/test-harness.

# tmp, vm, run and says are test-harness's.
# shellcheck disable=SC2154

# One boot for all that does not need its own.
test_vm_status_output_share() {
	mkdir "$tmp/put"
	echo 'from the host' >"$tmp/put/in"
	# shellcheck disable=SC2016
	local script='echo first; sleep 8; echo second >&2
		[ "$1" = "two  words" ] || exit 11
		[ "$(cat /share/put/in)" = "from the host" ] || exit 12
		echo "from the guest" >/share/put/out || exit 13
		touch /lanes/put 2>/dev/null && exit 14
		[ "$LANES_NIC" = none ] || exit 15
		for tool in ip ethtool tcpdump iperf3 ping nft tc bpftool python3 \
			qemu-system-x86_64; do
			command -v $tool >/dev/null || { echo no $tool; exit 16; }
		done
		python3 -c "import scapy.layers.l2" || exit 17
		[ "$(hostname)" = lanes ] || exit 18
		exit 42'
	local status=0
	# The time of each line, to see that none waits for the end.
	{ "$vm" --share "$tmp/put" -- sh -c "$script" sh "two  words" 2>&1 || echo "status $?"; } |
		while IFS= read -r line; do
			echo "$(cut -d. -f1 /proc/uptime) $line"
		done >"$tmp/out" || status=$?
	says "status 42"
	says " second"
	grep -q 'from the guest' "$tmp/put/out"
	awk '$2 == "first" { a = $1 } $2 == "second" { b = $1 } END { exit !(b - a >= 4) }' \
		"$tmp/out" || { echo "the first line waited for the second"; return 1; }
}

test_vm_true_and_false_at_once() {
	local status=0
	"$vm" --nic igb --queues 4 -- true >"$tmp/true" 2>&1 &
	local other=$!
	run 1 "$vm" -- false
	wait "$other" || status=$?
	((status == 0)) || { echo "-- true with igb gave $status"; cat "$tmp/true"; return 1; }
}

# complain: the folder with complain.ko, built for the default kernel.
complain() {
	local kver
	kver=$("$LANES_ROOT/scripts/fetch-kernel" "${KVER:-}")
	"$LANES_ROOT/scripts/in-root" -- make -s -C "$BUILD/kdir/$kver/out" \
		M="$LANES_ROOT/kselftest/modules/complain" \
		MO="$BUILD/modules/$kver/complain" KERNELRELEASE="$kver" modules >&2
	echo "/lanes/build/modules/$kver/complain/complain.ko"
}

test_vm_warning_is_70() {
	local module
	module=$(complain)
	run 70 "$vm" -- sh -c "insmod $module what=warn; exit 0"
	says "a deliberate warning"
}

test_vm_bug_is_70() {
	local module
	module=$(complain)
	run 70 "$vm" -- sh -c "echo going down; insmod $module what=bug; sleep 60"
	says "going down"
	says "kernel BUG at"
}

test_vm_time_limit() {
	run 124 "$vm" --timeout 40 -- sh -c 'echo begun; sleep 1000'
	says begun
	says "time limit"
}

test_vm_virtio_queues() {
	run 0 "$vm" --nic virtio --queues 3 --cpus 4 -- \
		sh -c 'ethtool -l up0 | grep -q "^Combined:.*3" && ip link show up1'
}

# at_first SIGNAL PID: sends it, as a fault of the emulator might, to the first
# machine of the scripts/vm that runs in the background, once its kernel has spoken.
at_first() {
	local machine
	for _ in {1..600}; do
		machine=$(pgrep -P "$2" qemu || true)
		if [[ -n $machine && -n $(find "$tmp" -path '*/lanes-vm.*/console' -size +0) ]]; then
			kill "-$1" "$machine"
			return
		fi
		sleep 0.1
	done
	echo "no machine after 60 s"
	return 1
}

# begins_anew SIGNAL HOW
begins_anew() {
	local pid status=0
	TMPDIR=$tmp LANES_VM_PATIENCE=60 "$vm" -- echo alive >"$tmp/out" 2>&1 &
	pid=$!
	at_first "$1" "$pid"
	wait "$pid" || status=$?
	((status == 0)) || { echo "status $status"; cat "$tmp/out"; return 1; }
	says "$2 before the command began: once more"
	says "alive"
}

test_vm_stands_still_in_boot() { begins_anew STOP "come to a stand"; }

test_vm_dies_in_boot() { begins_anew KILL died; }

# A host that stands still, here all that makes up the run, is told of, and a failure then
# is no verdict.
test_vm_host_stands_still() {
	local pid status=0
	setsid "$vm" -- sh -c 'echo begun; sleep 5; exit 9' >"$tmp/out" 2>&1 &
	pid=$!
	for _ in {1..600}; do
		! grep -q begun "$tmp/out" || break
		sleep 0.1
	done
	kill -STOP -- "-$pid"
	sleep 15
	kill -CONT -- "-$pid"
	wait "$pid" || status=$?
	((status == 75)) || { echo "status $status"; cat "$tmp/out"; return 1; }
	says "stood still"
}

# verdict_of STATUS REASON LOG CPUS: of a run that left this behind.
verdict_of() {
	mkdir -p "$tmp/run/channel"
	touch "$tmp/run/channel/booted" "$tmp/run/qemu.log"
	printf '%s\n' "$2" >"$tmp/run/reason"
	printf '[    1.0] %s\n' "$3" >"$tmp/run/console"
	printf '%s\n' "$4" >"$tmp/run/cpus"
	echo "LANES_ACCEL=${accel:-tcg}" >"$tmp/run/channel/config"
	run "$1" scripts/guest/verdict "$tmp/run" 100
}

test_vm_verdict_of_a_hang() {
	local asleep='CPU#0 RIP=ffffffff81000000 HLT=1 current_count = 0'
	local stall='rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'
	verdict_of 75 hang "$stall" "$asleep"
	verdict_of 75 hang "all is well" "$asleep"
	says "HLT=1"
	verdict_of 70 hang "$stall" "${asleep/HLT=1/HLT=0}"
	verdict_of 70 hang "$stall" "$asleep ${asleep/HLT=1/HLT=0}"
	verdict_of 70 hang "$stall" ""
	verdict_of 70 hang "$stall" "${asleep/current_count = 0/current_count = 77}"
	verdict_of 70 hang "$stall"$'\n'"BUG: KASAN: slab-use-after-free" "$asleep"
	verdict_of 70 hang "INFO: task ip:1 blocked for more than 120 seconds." "$asleep"
	accel=kvm verdict_of 70 hang "$stall" "$asleep"
}

# A signal at any time ends the machine and leaves nothing.
test_vm_interrupted() {
	local wait_for pid status children
	for wait_for in 1 6; do
		mkdir -p "$tmp/t$wait_for"
		# Job control gives it a process group and a live SIGINT.
		TMPDIR=$tmp/t$wait_for setsid bash -c 'trap - INT; exec "$@"' sh \
			"$vm" -- sleep 1000 >"$tmp/out" 2>&1 &
		pid=$!
		sleep "$wait_for"
		children=$(pgrep -P "$pid" | tr '\n' ' ' || true)
		kill -TERM "$pid"
		status=0
		wait "$pid" || status=$?
		((status == 143)) || { echo "status $status after TERM"; cat "$tmp/out"; return 1; }
		for pid in $children; do
			for _ in {1..100}; do
				kill -0 "$pid" 2>/dev/null || break
				sleep 0.1
			done
			! kill -0 "$pid" 2>/dev/null || { echo "$pid is left"; return 1; }
		done
		[[ -z $(ls "$tmp/t$wait_for") ]] || { ls "$tmp/t$wait_for"; return 1; }
	done
}

test_vm_killed() {
	local pid machine
	TMPDIR=$tmp "$vm" -- sleep 1000 >/dev/null 2>&1 &
	pid=$!
	for _ in {1..600}; do
		machine=$(pgrep -P "$pid" qemu || true)
		[[ -z $machine ]] || break
		sleep 0.1
	done
	[[ -n $machine ]] || { echo "no machine after 60 s"; kill "$pid"; return 1; }
	kill -KILL "$pid"
	for _ in {1..100}; do
		kill -0 "$machine" 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 "$machine" 2>/dev/null || { echo "the machine lives on"; return 1; }
	# Its folder is free to be removed: nobody who was with it lives on.
	flock -w 10 "$tmp"/lanes-vm.*/lock true || { echo "its folder is in use"; return 1; }
}
