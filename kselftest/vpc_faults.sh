#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail, one after the other, in each request to vpc_hook and under
# each kind of frame: all or nothing is done, and nothing is left behind.
# vpc_faults.py has the cases. Needs a kernel with fault injection, which
# Debian's has not; see debug.config.
#
#	A: tapf, tapa, tapb, tapc - br0

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"
. "$here/faults_lib.sh"

need_faults
two_hosts
results "a failing allocation" in_ns "$A" "$here/vpc_faults.py"
for ns in "$A" "$B"; do ip netns del "$ns"; done
ksft_ns=()
check "the module can be unloaded" unload_vpc_hook
check "... and the tunnel's" until_true 20 rmmod mq_gre
check_leaks
ksft_end
