#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A namespace ends while its VMs send: what keeps tenants apart stays until the
# bridge is gone. vpc_end.py makes the namespaces.
#
#	a namespace: qa, qb (red), qc (blue) - br0

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

load_vpc_hook
modprobe tun
results "at the end of a namespace" "$here/vpc_end.py" 5
check "the module goes, too" unload_vpc_hook
ksft_end
