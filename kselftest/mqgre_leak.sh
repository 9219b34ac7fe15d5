#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What is done a thousand times leaves no memory behind: CYCLES=1000 of add,
# up, traffic, down and delete, and of insmod and rmmod; fewer of the others.
# Objects of each slab cache and per-CPU memory are counted before and after.
#
#	A: m0 - eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 - t0, stock gretap :B

. "$(dirname -- "$0")/lib.sh"

CYCLES=${CYCLES:-1000}
[[ -r /proc/slabinfo ]] || ksft_skip_all "the kernel shows no slabinfo"
load_kind
modprobe ip_gre
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
tunnel "$B" t0 gretap 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 key 7

# round NAME WHAT ARGUMENT...
round() {
	local name=$1
	shift
	check "$name" "$here/cycles.py" "$@"
	sed 's/^/# /' "$tmp/out"
}

found() { # the measure itself: a leak of one small object per cycle shows
	fails "$here/cycles.py" hold 500
}
ulimit -n 8192
check "a leak that is made on purpose is found" found

before=$(stat "$B" t0 rx_packets)
round "$CYCLES devices: add, up, traffic, down, delete" device "$CYCLES" "$A"
traffic() { # nine of ten devices are tunnels, and their frame went through
	local got=$(($(stat "$B" t0 rx_packets) - before))
	echo "$got frames came through"
	((got >= CYCLES * 9 / 10))
}
check "their traffic came through" traffic
round "$((CYCLES / 2)) changes of a device" change $((CYCLES / 2)) "$A"
ip -n "$A" link del m0
round "$((CYCLES / 2)) requests that are refused" refused $((CYCLES / 2)) "$A"
ip -n "$A" link del m0
round "$((CYCLES / 10)) namespaces with devices" netns $((CYCLES / 10))

if [[ $KIND == mqgre ]]; then
	# Not from a network file system, a thousand times.
	cp "$LANES_MODULES/mq_gre.ko" "$tmp/"
	rmmod mq_gre
	round "$CYCLES times insmod and rmmod" module "$CYCLES" "$tmp/mq_gre.ko"
fi

ksft_end
