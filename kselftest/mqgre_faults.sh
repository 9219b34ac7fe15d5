#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail, one after the other, while devices are made, changed and
# used; nothing is left behind. Needs a kernel with fault injection, which
# Debian's has not; see debug.config.
#
#   +----- ns ------+
#   | flt0  mqgre   |   192.0.2.1 -> 192.0.2.2 over d0
#   | d0    dummy   |
#   +---------------+

# shellcheck source=kselftest/lib.sh
. "$(dirname -- "$0")/lib.sh"

debug=/sys/kernel/debug
[[ -d $debug/failslab ]] ||
	ksft_skip_all "this kernel has no fault injection (CONFIG_FAILSLAB)"

faults() {
	ip netns exec "$ns" "$here/mqgre_faults.py" "$1"
}

# Objects that nobody refers to any more and that our code has allocated.
leaks() {
	echo scan >$debug/kmemleak
	sleep 6 # kmemleak is silent about what is younger than five seconds
	echo scan >$debug/kmemleak
	cat $debug/kmemleak
}

no_leak() {
	local found
	found=$(leaks)
	if grep -q 'mq_gre\|vpcnet\|flt0' <<<"$found"; then
		echo "$found"
		return 1
	fi
}

load_kind
new_ns ns
ip -n "$ns" link add d0 type dummy
ip -n "$ns" addr add 192.0.2.1/24 dev d0
ip -n "$ns" link set d0 up

# Also those that may wait, which are all in process context.
echo N >$debug/failslab/ignore-gfp-wait
echo 0 >$debug/failslab/verbose

check "a tunnel is made whole or not at all" faults create
check "so is a collect-metadata device" faults metadata
check "a change happens or does not" faults change
check "frames that cannot be sent are dropped" faults send
ip netns del "$ns"
check "the module can be unloaded" rmmod mq_gre
if [[ -f $debug/kmemleak ]]; then
	check "no memory is left behind" no_leak
else
	skip "no memory is left behind" "this kernel has no kmemleak"
fi
ksft_end
