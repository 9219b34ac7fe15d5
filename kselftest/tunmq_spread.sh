#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Taps are spread evenly over the lanes of their uplink, keep their place until
# they are asked to move, and can be pinned and weighted.
#
#	A: t1, t2, ... with queues   lanesN: dummy uplinks with N queues each
#
# tunmq_spread.py takes random steps, each held against the promise.

. "$(dirname -- "$0")/lib.sh"
. "$here/taps_lib.sh"

tunmq_begin
for n in 1 3 5 8 16; do
	dummy_uplink lanes$n $n
done

# taps COUNT QUEUES N: fresh ones with lanes of lanesN.
taps() {
	local i
	for ((i = 1; i <= $1; i++)); do
		hold add "t$i" "$2"
		lanes set "t$i" --uplink "lanes$3"
	done
}
no_taps() {
	local i
	for ((i = 1; i <= $1; i++)); do hold del "t$i"; done
}
# loads UPLINK: how many VM queues each lane serves, by weight.
loads() {
	lanes show --json | jq -c --arg uplink "$1" '
		[.taps[] | select(.uplink_name == $uplink)] | .[0].lanes as $n |
		[.[] | .weight as $w | .queues[] | [.lane, $w]] as $all |
		[range($n) as $l | [$all[] | select(.[0] == $l) | .[1]] | add // 0]'
}
bases() { lanes show --json | jq -c '[.taps[] | .base]'; }

spread() { # spread COUNT QUEUES N LOADS
	local seen
	seen=$(loads "lanes$3")
	echo "$(bases): loads $seen"
	[[ $seen == "$4" ]]
}
within_1() {
	local seen
	seen=$(loads "$1")
	echo "$(bases): loads $seen"
	[[ $(jq "max - min <= 1 and add == $2" <<<"$seen") == true ]]
}

taps 4 4 16
check "4 taps x 4 queues on 16 lanes are disjoint" spread 4 4 16 "[$(printf '1,%.0s' {1..15})1]"
no_taps 4
taps 4 4 8
check "... on 8 lanes, each serves 2" spread 4 4 8 "[2,2,2,2,2,2,2,2]"
no_taps 4
for n in 3 5; do
	taps 4 4 $n
	check "... on $n lanes within 1" within_1 lanes$n 16
	no_taps 4
done
taps 3 4 1
check "... on a single lane" spread 3 4 1 "[12]"
no_taps 3

stay() { # taps that are there do not move when others come and go
	local before
	taps 6 3 8
	before=$(lanes show --json | jq -c '[.taps[] | select(.ifname != "t2" and .ifname != "t5") | .base]')
	hold del t2
	lanes unset t5
	hold add t2 5
	lanes set t2 --uplink lanes8 --weight 3
	echo "$before, $(bases)"
	[[ $(lanes show --json | jq -c '[.taps[] | select(.ifname != "t2") | .base]') == "$before" ]]
	no_taps 6
}
check "others coming and going move nobody" stay

pinned() {
	local i
	for i in 1 2 3; do
		hold add t$i 4
		lanes set t$i --uplink lanes8 --base 5
	done
	[[ $(bases) == '[5,5,5]' ]]
	is t1 '"\(.pinned) \([.queues[].lane])"' 'true [5,6,7,0]'
	# The rest goes where they are not.
	hold add t4 4
	lanes set t4 --uplink lanes8
	is t4 '"\(.pinned) \(.base)"' 'false 1'
	[[ $(lanes rebalance) == '0 taps have another base now' ]]
	[[ $(bases) == '[5,5,5,1]' ]]
	no_taps 4
}
check "a base that is given is kept, also by a rebalance" pinned

weights() {
	taps 2 4 8
	lanes set t1 --weight 3
	is t1 '"\(.weight) \(.base)"' '3 0'
	# Two light ones beside the heavy one.
	hold add t3 4
	lanes set t3 --uplink lanes8
	hold add t4 4
	lanes set t4 --uplink lanes8
	echo "$(bases): $(loads lanes8)"
	[[ $(loads lanes8) == '[3,3,3,3,3,3,3,3]' ]]
	no_taps 4
}
check "a weight counts" weights

rebalanced() { # rebalanced UPLINK-OPTION...
	local before moved now
	taps 8 4 16
	for i in 1 5; do hold del t$i; done # four and four go: lanes 0 to 3 are empty
	before=$(lanes show --json | jq -c '[.taps[] | [.ifname, .base]]')
	[[ $(loads lanes16) == '[0,0,0,0,2,2,2,2,2,2,2,2,2,2,2,2]' ]]
	moved=$(lanes rebalance --json "$@" | jq .moved)
	now=$(lanes show --json | jq -c '[.taps[] | [.ifname, .base]]')
	echo "$before, $now, moved $moved: $(loads lanes16)"
	[[ $(jq -n --argjson a "$before" --argjson b "$now" \
		'[range($a | length) | select($a[.] != $b[.])] | length') == "$moved" ]]
	((moved >= 1))
	[[ $(jq 'max - min <= 1' <<<"$(loads lanes16)") == true ]]
	for i in 2 3 4 6 7 8; do hold del t$i; done
}
check "a rebalance evens out, and says how many have moved" rebalanced
check "... of one uplink" rebalanced --uplink lanes16

others() { # a rebalance of another uplink moves nobody
	taps 8 4 16
	for i in 1 5; do hold del t$i; done
	[[ $(lanes rebalance --json --uplink lanes8 | jq .moved) == 0 ]]
	[[ $(loads lanes16) == '[0,0,0,0,2,2,2,2,2,2,2,2,2,2,2,2]' ]]
	for i in 2 3 4 6 7 8; do hold del t$i; done
}
check "... of another uplink moves nobody here" others

moved_uplink() { # another uplink: a new base there, unless it is the same
	taps 2 4 8
	is t2 .base 4
	lanes set t2 --uplink lanes8
	is t2 .base 4
	lanes set t2 --uplink lanes16
	is t2 '"\(.base) \(.lanes) \(.uplink_name)"' '0 16 lanes16'
	no_taps 2
}
check "a tap that gets another uplink is placed anew there" moved_uplink

# The number of queues changes: of the uplink (a veth, for ethtool -L) and of taps.
ip -n "$A" link add veth0 numtxqueues 8 numrxqueues 8 type veth \
	peer name veth1 numtxqueues 8 numrxqueues 8
ip -n "$A" link set veth0 up
ip -n "$A" link set veth1 up

uplink_queues() {
	in_ns "$A" ethtool -L veth0 tx 8
	hold add t1 4
	lanes set t1 --uplink veth0
	hold add t2 4
	lanes set t2 --uplink veth0
	is t2 '"\(.base) \(.lanes) \([.queues[].lane])"' '4 8 [4,5,6,7]'
	in_ns "$A" ethtool -L veth0 tx 3
	is t2 '"\(.base) \(.lanes) \([.queues[].lane])"' '4 3 [1,2,0,1]'
	hold add t3 4
	lanes set t3 --uplink veth0
	within_1 veth0 12
	fails lanes set t3 --base 3
	lanes set t3 --base 2
	in_ns "$A" ethtool -L veth0 tx 8
	is t2 '"\(.base) \(.lanes) \([.queues[].lane])"' '4 8 [4,5,6,7]'
	is t3 '"\(.base) \(.lanes)"' '2 8'
	no_taps 3
}
check "the uplink's number of queues changes" uplink_queues

tap_queues() {
	taps 2 4 16
	hold more t1
	hold more t1
	is t1 '"\(.num_queues) \([.queues[].lane])"' '6 [0,1,2,3,4,5]'
	hold close t2
	is t2 '"\(.num_queues) \([.queues[].lane])"' '3 [4,5,6]'
	hold disable t2 0
	is t2 .num_queues 2
	# The next one goes by what there is now.
	hold add t3 4
	lanes set t3 --uplink lanes16
	is t3 .base 6
	hold enable t2 0
	is t2 .num_queues 3
	for _ in {1..12}; do hold more t1; done
	is t1 '"\(.num_queues) \(.queues[17].lane)"' '18 1'
	no_taps 3
}
check "a tap's number of queues changes" tap_queues

check "500 random steps" in_ns "$A" "$here/tunmq_spread.py" 100 1,3,5,8,16

ksft_end
