# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What tests share in which allocations fail. Sourced after lib.sh.

debug=/sys/kernel/debug

need_faults() {
	[[ -d $debug/failslab ]] ||
		ksft_skip_all "this kernel has no fault injection (CONFIG_FAILSLAB)"
	# Also those that may wait, which are all in process context.
	echo N >$debug/failslab/ignore-gfp-wait
	echo 0 >$debug/failslab/verbose
	[[ ! -f $debug/kmemleak ]] || echo clear >$debug/kmemleak
}

# no_leak: objects that nobody refers to any more, and that our code has allocated.
no_leak() {
	local found
	echo scan >$debug/kmemleak
	sleep 6 # kmemleak is silent about what is younger than five seconds
	echo scan >$debug/kmemleak
	found=$(<$debug/kmemleak)
	! grep -q 'mq_gre\|vpc_hook\|vpcnet\|flt0' <<<"$found" || { echo "$found"; false; }
}

check_leaks() {
	if [[ -f $debug/kmemleak ]]; then
		check "no memory is left behind" no_leak
	else
		skip "no memory is left behind" "this kernel has no kmemleak"
	fi
}
