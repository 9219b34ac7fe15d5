#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# With the tun that has the series of tun_mq/patches the same tests pass: the
# module then chooses mode patch.

. "$(dirname -- "$0")/lib.sh"

[[ -f $here/../build/tun-patched/$(uname -r)/tun.ko ]] ||
	ksft_skip_all "no patched tun: make tun-patched"

# passes TEST: all of it, and it was not skipped.
passes() {
	TUN=patched bash "$here/$1.sh" >"$tmp/$1" 2>&1 || { cat "$tmp/$1"; return 1; }
	fails grep '^not ok' "$tmp/$1"
	grep -q '^ok' "$tmp/$1"
}
tests=(tunmq_steering tunmq_life)
[[ $LANES_NIC == none ]] || tests+=(tunmq_lanes)
for name in "${tests[@]}"; do
	check "$name, patched" passes "$name"
done

ksft_end
