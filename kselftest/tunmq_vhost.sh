#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Lanes of a VM behind vhost-net, whose batches reach the tap by a way of their
# own: VM queue q leaves on lane (base + q) mod N of the card, and what the card
# receives on lane L comes on VM queue (L - base) mod N. vm_lanes_lib.sh has the
# topology.

. "$(dirname -- "$0")/lib.sh"
. "$here/lanes_lib.sh"
. "$here/vm_lanes_lib.sh"

need_nic
boot_vm vhost_send.py
both_ways 0 1 3

ksft_end
