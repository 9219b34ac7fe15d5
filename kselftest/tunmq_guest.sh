#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Lanes of a real VM, QEMU with vhost-net, in which a sender is pinned to each
# CPU: what leaves by the guest's queue q leaves on lane (base + q) mod N of the
# card, and what the card receives on lane L arrives in the guest on its queue
# (L - base) mod N, by the guest's own counts. vm_lanes_lib.sh has the topology.

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"
. "$here/vm_lanes_lib.sh"

need_nic
export TMPDIR=$tmp
began=$SECONDS
boot_vm guest_send.sh
note "the guest booted in $((SECONDS - began)) s"
both_ways 1

ksft_end
