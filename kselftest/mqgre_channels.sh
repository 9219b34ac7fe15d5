#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The number of queues in use changes (ethtool -L) while packets fly: nothing
# is lost, nothing counted twice, and the kernel never sees a packet on a queue
# that it does not know. RPS is on, which looks.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 - m0 10.2.0.2 :B
#	   8 tx, 6 rx queues         8 queues                   8 tx, 6 rx queues

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
ip link add eth0 netns "$A" numtxqueues 8 numrxqueues 8 type veth \
	peer name eth0 netns "$B" numtxqueues 8 numrxqueues 8
ends=(10.1.0.1 10.1.0.2)
inner=(10.2.0.1 10.2.0.2)
spaces=("$A" "$B")
for i in 0 1; do
	ip -n "${spaces[i]}" addr add "${ends[i]}/24" dev eth0
	ip -n "${spaces[i]}" link set eth0 up
done
for i in 0 1; do
	ip -n "${spaces[i]}" link add m0 numtxqueues 8 numrxqueues 6 type "$KIND" \
		local "${ends[i]}" remote "${ends[1 - i]}" key 7
	ip -n "${spaces[i]}" addr add "${inner[i]}/24" dev m0
	ip -n "${spaces[i]}" link set m0 up
	in_ns "${spaces[i]}" sh -c 'for q in /sys/class/net/m0/queues/rx-*; do
		echo 3 >"$q/rps_cpus"; done'
done

channels() { # channels NS: "tx rx" in use
	in_ns "$1" ethtool -l m0 | awk '/^Current/ { on = 1 }
		on && $1 == "RX:" { rx = $2 } on && $1 == "TX:" { tx = $2 }
		END { print tx, rx }'
}
queues() { # queues NS: "tx rx" that there are in sysfs
	in_ns "$1" sh -c 'ls /sys/class/net/m0/queues' | awk '/^tx-/ { t++ } /^rx-/ { r++ }
		END { print t, r }'
}
set_to() { # set_to TX RX: and it is what is said afterwards
	in_ns "$A" ethtool -L m0 tx "$1" rx "$2"
	[[ $(channels "$A") == "$1 $2" && $(queues "$A") == "$1 $2" ]]
	pings "$A" 10.2.0.2
}
limits() {
	in_ns "$A" ethtool -l m0
	[[ $(in_ns "$A" ethtool -l m0 | awk '$1 ~ /X:$/ { print $2 }' | head -n 2 |
		paste -sd' ') == "6 8" ]]
}

check "ethtool -l says for how many queues there is memory" limits
check "fewer queues" set_to 2 3
check "one queue" set_to 1 1
check "more queues" set_to 5 2
check "all queues" set_to 8 6

refused() { # refused NAME PATTERN ARGUMENT...: and nothing changes
	local name=$1 pattern=$2 before
	shift 2
	before=$(channels "$A")
	check_refused "$name" "$pattern" in_ns "$A" ethtool -L m0 "$@"
	[[ $(channels "$A") == "$before" ]] || fail "$name: nothing changes" "$(channels "$A")"
}
some='netlink error: [a-z]{4}.* [a-z]{4}' # words, not an error's name alone
refused "no transmit queue" "$some" tx 0
refused "no receive queue" "$some" rx 0
refused "more transmit queues than there is memory for" "$some" tx 9
refused "more receive queues than there is memory for" "$some" rx 7
refused "queues for both directions" "$some" combined 2
refused "queues for something else" "$some" other 1

xdp() { # packets wait for it where nobody can wait for them
	in_ns "$A" "$here/xdp_pass.py" m0 on
	pings "$A" 10.2.0.2
	fails in_ns "$A" ethtool -L m0 rx 2
	[[ $(channels "$A") == "8 6" ]]
	in_ns "$A" ethtool -L m0 tx 4
	[[ $(channels "$A") == "4 6" ]]
	in_ns "$A" "$here/xdp_pass.py" m0 off
	in_ns "$A" ethtool -L m0 tx 8 rx 2
	in_ns "$A" ethtool -L m0 rx 6
}
check "with an XDP program there may not be fewer receive queues" xdp

sum() { # sum NS PATTERN: of the lines of ethtool -S
	in_ns "$1" ethtool -S m0 | awk -v p="^$2:\$" '$1 ~ p { s += $2 } END { print s + 0 }'
}
change_on() { # change_on NS UNTIL: all the time, in steps up and down
	local n=0
	while [[ ! -f $2 ]]; do
		in_ns "$1" ethtool -L m0 tx $((n * 3 % 8 + 1)) rx $((n * 5 % 6 + 1))
		n=$((n + 1))
	done
	echo "changed $n times" >&2
	in_ns "$1" ethtool -L m0 tx 8 rx 6 || true # refused if it is that already
	((n > 5))
}
drops() { in_ns "$1" ethtool -S m0 | awk '/[rt]x_[a-z]/ && !/queue/ && $2 > 0'; }

flood() { # many pings, each of which comes back
	local i before pids=() status=0
	rm -f "$tmp/stop"
	before=$(replies "$A")
	change_on "$A" "$tmp/stop" & pids+=($!)
	change_on "$B" "$tmp/stop" & pids+=($!)
	for i in 1 2 3 4; do
		in_ns "$A" ping -q -l 32 -f -c 3000 -s $((100 * i)) 10.2.0.2 >"$tmp/ping$i" || status=1
	done
	: >"$tmp/stop"
	wait "${pids[0]}" || status=1
	wait "${pids[1]}" || status=1
	grep -h received "$tmp"/ping?
	until_true 5 replies_reach "$A" $((before + 4 * 3000)) || status=1
	return $status
}
check "nothing is lost while both ends change all the time" flood

stream() { # TCP streams on all queues, frames joined by GRO
	local pids=() status=0
	rm -f "$tmp/stop"
	start "$B" iperf3 -s -1 -B 10.2.0.2 >/dev/null
	until_true 10 in_ns "$B" sh -c 'ss -ltn | grep -q :5201'
	change_on "$A" "$tmp/stop" & pids+=($!)
	change_on "$B" "$tmp/stop" & pids+=($!)
	in_ns "$A" iperf3 -c 10.2.0.2 -P 8 -t 8 -f m >"$tmp/iperf" 2>&1 || status=1
	: >"$tmp/stop"
	wait "${pids[0]}" || status=1
	wait "${pids[1]}" || status=1
	tail -n 3 "$tmp/iperf"
	return $status
}
check "TCP streams go on while both ends change" stream
gro_on() {
	in_ns "$A" ethtool -k m0 | grep -q '^generic-receive-offload: on'
	in_ns "$B" ethtool -k m0 | grep -q '^generic-receive-offload: on'
}
check "GRO is as it was" gro_on

said_nothing() { # of queues that it does not know
	fails grep 'm0 selects TX queue' <(dmesg | tail -n 200)
}
check "the kernel did not have to correct a queue" said_nothing

counted() { # 200 pings by the streams' queues, counted once each
	local before
	before=$(sum "$A" 'tx_queue_[0-9]+_packets')
	in_ns "$A" ping -q -f -c 200 10.2.0.2 >/dev/null
	echo "before $before, after $(sum "$A" 'tx_queue_[0-9]+_packets')"
	(($(sum "$A" 'tx_queue_[0-9]+_packets') - before >= 200))
	[[ $(sum "$A" 'tx_queue_[0-9]+_packets') == $(stat "$A" m0 tx_packets) ]]
	[[ $(sum "$A" 'rx_queue_[0-9]+_packets') == $(stat "$A" m0 rx_packets) ]]
	[[ $(sum "$B" 'tx_queue_[0-9]+_bytes') == $(stat "$B" m0 tx_bytes) ]]
}
check "the queues' counts are the device's, also of queues that came back" counted

ksft_end
