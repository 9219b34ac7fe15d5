#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What a device shows of itself: ethtool -i, -S, -k, and statistics of each
# queue over netlink. All of them tell the same story as ip -s link.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 - m0 10.2.0.2 :B
#	   4 queues      4 queues                                      4 queues

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
ip link add eth0 netns "$A" numtxqueues 4 numrxqueues 4 type veth \
	peer name eth0 netns "$B" numtxqueues 4 numrxqueues 4
ip -n "$A" addr add 10.1.0.1/24 dev eth0
ip -n "$B" addr add 10.1.0.2/24 dev eth0
ip -n "$A" link set eth0 up
ip -n "$B" link set eth0 up
P2P=(local 10.1.0.1 remote 10.1.0.2 key 7)
ip -n "$A" link add m0 numtxqueues 4 numrxqueues 4 type "$KIND" "${P2P[@]}"
ip -n "$B" link add m0 numtxqueues 4 numrxqueues 4 type "$KIND" \
	local 10.1.0.2 remote 10.1.0.1 key 7
ip -n "$A" addr add 10.2.0.1/24 dev m0
ip -n "$B" addr add 10.2.0.2/24 dev m0
ip -n "$A" link set m0 up
ip -n "$B" link set m0 up

about() { # about WORDS: a line of ethtool -i
	in_ns "$A" ethtool -i m0
	in_ns "$A" ethtool -i m0 | grep -qxF -- "$1"
}
check "the driver's name" about "driver: mq_gre"
check "the version, which is that of the source" about "version: $(cat "$here/../VERSION")"
check "there is no bus" about "bus-info: N/A"
check "there are statistics" about "supports-statistics: yes"

transfer() { # transfer [STREAMS]: TCP from A to B
	start "$B" iperf3 -s -1 -B 10.2.0.2 >/dev/null
	local server=${ksft_pids[-1]}
	until_true 20 listens "$B"
	in_ns "$A" timeout 100 iperf3 -c 10.2.0.2 -n 4M -P "${1:-1}" | tail -n 3
	# With it its last packets are counted, and its port is free.
	wait "$server"
}
qstats() { # qstats NS rx|tx ...
	local ns=$1
	shift
	in_ns "$ns" "$here/qstats.py" m0 "$@"
}
names() { in_ns "$A" ethtool -S m0 | awk -F: 'NR > 1 { gsub(/ /, ""); print $1 }'; }
ethtool_s() { # ethtool_s NS WHAT: a line for each queue
	in_ns "$1" ethtool -S m0 | awk -v p="^$2:\$" '$1 ~ p { print $2 }'
}
sum() { awk '{ s += $1 } END { print s + 0 }'; }

all_names() { # of 4 queues, then the drops
	local q
	for q in 0 1 2 3; do printf 'tx_queue_%d_packets\ntx_queue_%d_bytes\n' $q $q; done
	for q in 0 1 2 3; do printf 'rx_queue_%d_packets\nrx_queue_%d_bytes\n' $q $q; done
}
counters() {
	names
	[[ $(names | head -n 16) == "$(all_names)" ]]
	[[ $(names | tail -n +17 | grep -cE '^(rx|tx|icmp)_[a-z_]+$') == $(names | tail -n +17 | wc -l) ]]
	(($(names | wc -l) > 20))
	[[ -z $(names | sort | uniq -d) ]]
}
check "ethtool -S: packets and bytes of each queue, drops by name" counters

same_everywhere() { # same_everywhere NS: three places
	local dir what ns=$1
	for dir in rx tx; do
		for what in packets bytes; do
			echo "$dir $what: $(qstats "$ns" $dir $what | paste -sd' ')," \
				"together $(qstats "$ns" $dir $what total)"
			[[ $(qstats "$ns" $dir $what) == \
				"$(ethtool_s "$ns" "${dir}_queue_[0-9]+_$what")" ]]
			[[ $(qstats "$ns" $dir $what total) == $(stat "$ns" m0 ${dir}_$what) ]]
		done
	done
}
queues_sum_up() {
	local dir
	for dir in rx tx; do
		[[ $(qstats "$A" $dir | sum) == $(stat "$A" m0 ${dir}_packets) ]]
	done
}
spread() { # flows use more than one queue
	local before used
	before=$(stat "$A" m0 tx_packets)
	transfer 8
	qstats "$A" tx >"$tmp/queues"
	echo "sent by queue: $(paste -sd' ' "$tmp/queues")"
	used=$(awk '$1 > 0' "$tmp/queues" | wc -l)
	((used > 1))
	(($(stat "$A" m0 tx_packets) > before))
}
check "flows spread over the queues" spread
check "the sender's queues: qstats, ethtool -S and ip -s link agree" same_everywhere "$A"
check "the receiver's queues do, too" same_everywhere "$B"
check "the queues sum up to the device" queues_sum_up

fewer() { # what the other queues counted is not lost
	local before
	before=$(qstats "$A" tx bytes total)
	in_ns "$A" ethtool -L m0 tx 1 rx 2
	[[ $(qstats "$A" tx | wc -l) == 1 && $(qstats "$A" rx | wc -l) == 2 ]]
	[[ $(qstats "$A" tx bytes total) -ge $before ]]
	transfer
	same_everywhere "$A"
	in_ns "$A" ethtool -L m0 tx 4 rx 4
	queues_sum_up
}
check "with fewer queues in use the device's sums stay" fewer

is() { # is NS FEATURE on|off
	in_ns "$1" ethtool -k m0 | grep -q "^[[:space:]]*$2: $3\$" ||
		{ in_ns "$1" ethtool -k m0 | grep "$2:"; return 1; }
}
switch() { # switch NS WORD FEATURE: off, with which TCP passes, and on again
	is "$1" "$3" on
	in_ns "$1" ethtool -K m0 "$2" off
	is "$1" "$3" off
	transfer
	in_ns "$1" ethtool -K m0 "$2" on
	is "$1" "$3" on
}
check "ethtool -K tx" switch "$A" tx tx-checksum-ip-generic
check "ethtool -K sg" switch "$A" sg tx-scatter-gather
check "ethtool -K tso" switch "$A" tso tx-tcp-segmentation
check "ethtool -K gso" switch "$A" gso generic-segmentation-offload
check "ethtool -K gro" switch "$B" gro generic-receive-offload
restore() {
	in_ns "$A" ethtool -K m0 tx on sg on tso on gso on
	is "$A" tx-checksum-ip-generic on
}
check "all on again" restore

frame() { # frame COMMAND: the mean length of the frames that it has A send
	local packets bytes
	packets=$(stat "$A" m0 tx_packets)
	bytes=$(stat "$A" m0 tx_bytes)
	"$@" >&2
	packets=$(($(stat "$A" m0 tx_packets) - packets))
	bytes=$(($(stat "$A" m0 tx_bytes) - bytes))
	echo $((bytes / packets))
}
long_frames() {
	local long short
	long=$(frame transfer)
	in_ns "$A" ethtool -K m0 tso off gso off
	short=$(frame transfer)
	in_ns "$A" ethtool -K m0 tso on gso on
	echo "mean length: $long with segmentation offload, $short without"
	((long > 3000 && short <= 1514))
}
check "without TSO and GSO no frame is longer than the MTU" long_frames

joined() { # segments that B's IP received in a packet, in percent
	in_ns "$B" nstat -n
	transfer >&2
	in_ns "$B" nstat -sz | awk '$1 == "IpInReceives" { packets = $2 }
		$1 == "IpExtInNoECTPkts" { print int($2 * 100 / packets) }'
}
gro() { # of frames that come in one by one
	local on off
	in_ns "$A" ethtool -K m0 tso off gso off
	on=$(joined)
	in_ns "$B" ethtool -K m0 gro off
	off=$(joined)
	in_ns "$B" ethtool -K m0 gro on
	in_ns "$A" ethtool -K m0 tso on gso on
	echo "segments in 100 packets: $on with GRO, $off without"
	((on > 120 && off == 100))
}
check "GRO joins frames, and does not where it is off" gro

# A refusal that comes from further below has a reason, too.
check_refused "a name without an end has a reason" "Error: .*name" \
	ip -n "$A" link add 'a%db%d' type "$KIND" local 10.1.0.1 remote 10.1.0.2 key 9

ksft_end
