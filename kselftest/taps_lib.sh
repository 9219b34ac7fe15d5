# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of tun_mq share: the module, VMs that standin plays, and what
# is said of their lanes. Sourced after lib.sh (and after lanes_lib.sh).
#
# TUN=patched in the environment tries a test with the tun that has the series
# of tun_mq/patches, which the module then uses.

. "$here/standin_lib.sh"

TUN=${TUN:-stock}
# Frames that each queue sends to see where they arrive.
count=24
# Per second and queue: what an emulated CPU can take without loss.
rate=400

case $TUN in
stock) mode="ftrace" ;;
patched)
	# shellcheck disable=SC2034
	mode="patch"
	tun=$here/../build/tun-patched/$(uname -r)/tun.ko
	[[ -f $tun ]] || ksft_skip_all "no patched tun: make tun-patched"
	;;
*) ksft_skip_all "TUN=$TUN: stock or patched" ;;
esac

load_tun() {
	if [[ $TUN == patched ]]; then
		insmod "$tun"
	else
		modprobe tun
	fi
}
unload_tun() {
	modprobe -qr vhost_net || true
	# Who had a tap may still be busy closing it.
	[[ ! -d /sys/module/tun ]] || until_true 10 rmmod tun
}
# tunmq_begin [PARAMETER...]: namespace A, with a bridge br0, and the modules.
tunmq_begin() {
	[[ -x $programs/standin && -x $programs/vpcctl ]] ||
		ksft_skip_all "no standin or vpcctl: make programs"
	modprobe bridge
	modprobe dummy numdummies=0
	unload_tun
	load_tun
	load_tun_mq "$@"
	[[ -n ${A:-} ]] || new_ns A
	ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$A" link set br0 up
	# Both stay, since it takes long to start them.
	mkfifo "$tmp/hold" "$tmp/nl"
	exec {from_hold}< <(exec ip netns exec "$A" "$here/tap_hold.py" <"$tmp/hold")
	exec {to_hold}>"$tmp/hold"
	exec {from_nl}< <(exec ip netns exec "$A" "$here/tunmq.py" - <"$tmp/nl")
	exec {to_nl}>"$tmp/nl"
}

cleanup() {
	local name
	for name in "${ksft_pids[@]}"; do
		kill "$name"
		wait "$name"
	done
	kill_vms
	[[ -z ${to_hold:-} ]] || exec {to_hold}>&- {to_nl}>&-
	if declare -F cleanup_more >/dev/null; then
		cleanup_more
	fi
	unload_tun_mq
	for name in "${ksft_ns[@]}"; do
		ip netns pids "$name" | xargs -r kill -9
		ip netns del "$name"
	done
	unload_tun
	modprobe tun
}

# dummy_uplink DEV N [NS]: a device with so many transmit queues.
dummy_uplink() {
	ip -n "${3:-$A}" link add "$1" numtxqueues "$2" numrxqueues "$2" type dummy
	ip -n "${3:-$A}" link set "$1" up
}

# lanes COMMAND...: vpcctl, in namespace A or another.
lanes_ns=
lanes() { in_ns "${lanes_ns:-$A}" "$programs/vpcctl" lanes "$@"; }
# show DEV FILTER: what jq makes of the lanes of a tap.
show() { lanes show "$1" --json | jq -rc ".taps[0] | $2"; }
# nl WORD...: a request by tunmq.py, in namespace A.
nl() {
	local line
	echo "$*" >&"$to_nl"
	while read -r line <&"$from_nl"; do
		[[ $line != "exit "? ]] || return "${line#exit }"
		echo "$line"
	done
	return 1
}

# arrivals FROM TO: FROM sends on each of its queues; a line for each, with the
# counts by TO's queues.
arrivals() {
	local from=$1 to=$2 sent
	vm "$to" reset >/dev/null
	sent=$(vm "$from" send --to "$(at "$to")" --count $count --rate $rate)
	vm "$to" wait --frames "$(jq '.sent | add' <<<"$sent")" >/dev/null
	vm "$to" stats | jq -c '.series | sort_by(.from_queue) | .[].by_queue'
}

# expected FROM-QUEUES FROM-BASE TO-QUEUES TO-BASE LANES: the same, if each
# lane leads to its queue.
expected() {
	jq -nc --argjson n "$1" --argjson from "$2" --argjson queues "$3" \
		--argjson to "$4" --argjson lanes "$5" --argjson count $count \
		'range($n) | (((. + $from) % $lanes + $lanes - $to) % $lanes % $queues) as $q |
			[range($queues) | if . == $q then $count else 0 end]'
}

# led FROM TO: all that FROM sends comes up on the queues of TO to which the
# lanes lead, by what is said of both.
led() {
	local from to want seen
	from=$(show "$(tap_of "$1")" '"\(.num_queues) \(.base % .lanes)"')
	to=$(show "$(tap_of "$2")" '"\(.num_queues) \(.base % .lanes) \(.lanes)"')
	# shellcheck disable=SC2086
	want=$(expected $from $to)
	# Queues that are not in use are left out: want has the whole count.
	seen=$(arrivals "$1" "$2" | jq -c ".[:${to%% *}]")
	paste <(echo "$want") <(echo "$seen")
	[[ $seen == "$want" ]]
}

# is DEV FILTER VALUE: what is said of a tap.
is() {
	local seen
	seen=$(show "$1" "$2")
	echo "$1: $2: $seen, to be $3"
	[[ $seen == "$3" ]]
}
has_no_lanes() {
	fails lanes show "$1" >"$tmp/said" 2>&1
	grep -q 'has no lanes' "$tmp/said"
}

# hold WORD...: tells tap_hold.py, which holds queues of taps in namespace A.
hold() {
	local said
	echo "$*" >&"$to_hold"
	read -r said <&"$from_hold"
	[[ $said == ok ]] || { echo "$*: $said"; return 1; }
}
