#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Where packets go, and why they do not: the tracepoints of mq_gre, and the
# kernel's own drop reasons beside them.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 - m0 10.2.0.2 :B
#	   4 queues, key 7                                  4 queues, key 7

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
ip link add eth0 netns "$A" numtxqueues 4 numrxqueues 4 type veth \
	peer name eth0 netns "$B" numtxqueues 4 numrxqueues 4
ip -n "$A" addr add 10.1.0.1/24 dev eth0
ip -n "$B" addr add 10.1.0.2/24 dev eth0
ip -n "$A" link set eth0 up
ip -n "$B" link set eth0 up
P2P=(local 10.1.0.1 remote 10.1.0.2)
PEER=(local 10.1.0.2 remote 10.1.0.1)
ip -n "$A" link add m0 numtxqueues 4 numrxqueues 4 type "$KIND" "${P2P[@]}" key 7
# An index of its own, which tells the two apart.
ip -n "$B" link add m0 index 99 numtxqueues 4 numrxqueues 4 type "$KIND" "${PEER[@]}" key 7
ip -n "$A" addr add 10.2.0.1/24 dev m0
ip -n "$B" addr add 10.2.0.2/24 dev m0
ip -n "$A" link set m0 up
ip -n "$B" link set m0 up
pings "$A" 10.2.0.2 >/dev/null
index=$(in_ns "$A" cat /sys/class/net/m0/ifindex)

[[ -d /sys/kernel/tracing/events ]] || mount -t tracefs tracefs /sys/kernel/tracing
# A buffer of this test's own.
t=/sys/kernel/tracing/instances/ksft-$$
mkdir "$t"
cleanup() {
	echo 0 >"$t/events/enable"
	rmdir "$t"
}
on() { echo 1 >"$t/events/$1/enable"; }
off() { echo 0 >"$t/events/enable"; }
clear() { echo >"$t/trace"; }
events() { # events NAME: a line each, without what the tracer puts in front
	sed -n "s/^.*: $1: //p" "$t/trace"
}
count() { events "$1" | grep -cE -- "$2" || true; }
field() { # field NAME FIELD: its values, a line each
	events "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

seen() { # seen COUNT NAME PATTERN: so many events
	local have
	have=$(count "$2" "$3")
	echo "$have of $2 with $3; the last are"
	events "$2" | tail -n 5
	((have == $1))
}

quiet() {
	clear
	off
	pings "$A" 10.2.0.2
	awk '!/^#/ { print; said = 1 } END { exit said }' "$t/trace"
}
check "events that are off say nothing" quiet

# A veth records no lane for some packets.
received='lane=(-1|[0-3])'
both() { # requests and answers, on both hosts
	clear
	on mq_gre
	pings "$A" 10.2.0.2 -s 200
	off
	seen 3 mqgre_xmit "^dev=m0 ifindex=$index lane=[0-3] key=7 remote=10.1.0.2 local=10.1.0.1 len=242 "
	seen 3 mqgre_xmit "^dev=m0 ifindex=99 lane=[0-3] key=7 remote=10.1.0.1 local=10.1.0.2 len=242 "
	seen 3 mqgre_rcv "^dev=m0 ifindex=$index $received key=7 remote=10.1.0.2 local=10.1.0.1 len=242 "
	seen 3 mqgre_rcv "^dev=m0 ifindex=99 $received key=7 remote=10.1.0.1 local=10.1.0.2 len=242 "
	seen 0 mqgre_drop .
}
check "sent and received: device, lane, key, ends and length" both

lanes() { # lanes NS IFINDEX EVENT tx|rx: events of each lane and what was counted there
	local ns=$1 index=$2 event=$3 dir=$4 before after want have
	before=$(ethtool_s "$ns" "$dir")
	clear
	on mq_gre/"$event"
	seq 1 30 | xargs -I{} ip netns exec "$A" ping -q -c 1 -W 1 -I m0 10.2.0.{} >/dev/null || true
	off
	after=$(ethtool_s "$ns" "$dir")
	want=$(paste <(echo "$before") <(echo "$after") | awk '{ print $2 - $1 }')
	have=$(events "$event" | awk -v dev="ifindex=$index" '$2 == dev { sub(/^lane=/, "", $3); n[$3 < 0 ? 0 : $3]++ } END { for (q = 0; q < 4; q++) print n[q] + 0 }')
	echo "events $(paste -sd' ' <<<"$have"), counted $(paste -sd' ' <<<"$want")"
	[[ $have == "$want" ]]
	(($(awk '$1 > 0' <<<"$have" | wc -l) > 1))
}
ethtool_s() {
	in_ns "$1" ethtool -S m0 | awk -v p="^$2_queue_[0-9]+_packets:\$" '$1 ~ p { print $2 }'
}
for i in {3..30}; do
	ip -n "$B" addr add 10.2.0.$i/24 dev m0
done
check "the lanes are those that count: sent" lanes "$A" "$index" mqgre_xmit tx
check "the lanes are those that count: received" lanes "$B" 99 mqgre_rcv rx

keyless() {
	ip -n "$A" link add m1 type "$KIND" "${P2P[@]}"
	ip -n "$A" addr add 10.3.0.1/24 dev m1
	ip -n "$A" link set m1 up
	ip -n "$A" neigh add 10.3.0.2 lladdr 02:00:00:00:00:02 dev m1
	clear
	on mq_gre
	no_ping "$A" 10.3.0.2
	off
	seen 2 mqgre_xmit "^dev=m1 .* key=-1 remote=10.1.0.2 local=10.1.0.1 "
}
check "no key is -1" keyless

six() { # an underlay of IPv6
	in_ns "$A" sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
	ip -n "$A" addr add fd00::1/64 dev eth0 nodad
	ip -n "$A" link add m6 type "$KIND" local fd00::1 remote fd00::2 key 6
	ip -n "$A" addr add 10.6.0.1/24 dev m6
	ip -n "$A" link set m6 up
	ip -n "$A" neigh add 10.6.0.2 lladdr 02:00:00:00:00:02 dev m6
	clear
	on mq_gre
	no_ping "$A" 10.6.0.2
	off
	seen 2 mqgre_xmit "^dev=m6 .* key=6 remote=fd00::2 local=fd00::1 len=98 "
}
check "addresses of IPv6" six

filter() {
	clear
	echo "key == 8 || dev == \"m9\"" >"$t/events/mq_gre/mqgre_xmit/filter"
	on mq_gre/mqgre_xmit
	pings "$A" 10.2.0.2
	seen 0 mqgre_xmit .
	echo "key == 7 && ifindex == $index && len > 110" >"$t/events/mq_gre/mqgre_xmit/filter"
	pings "$A" 10.2.0.2 -s 10
	seen 0 mqgre_xmit .
	pings "$A" 10.2.0.2 -s 100
	off
	echo 0 >"$t/events/mq_gre/mqgre_xmit/filter"
	seen 3 mqgre_xmit .
}
check "filters by key, device and length" filter

# dropped COUNTER WORD KERNEL PATTERN NS DEV COMMAND...: COMMAND has packets
# dropped. The event has the counter's name and PATTERN, the kernel's own event
# of the same packet says KERNEL.
dropped() {
	local name=$1 kernel=$2 pattern=$3 ns=$4 dev=$5 before counted have addr
	shift 5
	before=$(counter "$ns" "$dev" "$name")
	clear
	on mq_gre
	on skb/kfree_skb
	"$@" || true
	off
	counted=$(($(counter "$ns" "$dev" "$name") - before))
	have=$(count mqgre_drop "^dev=$dev $pattern .*reason=$name\$")
	echo "$counted counted, $have with $pattern; the last are"
	events mqgre_drop | tail -n 5
	((counted > 0 && have == counted))
	[[ -n $kernel ]] || return 0
	addr=$(field mqgre_drop skbaddr | tail -n 1)
	events kfree_skb | grep "skbaddr=$addr" || true
	events kfree_skb | grep "skbaddr=$addr " | grep -q "reason: $kernel\$"
}

quick() { in_ns "$1" ping -q -c 2 -i 0.05 -W 0.2 "${@:2}"; }
make() { # make NS DEV ADDR OPTION...: with a neighbour at .2
	local ns=$1 dev=$2 addr=$3
	shift 3
	ip -n "$ns" link add "$dev" type "$KIND" "$@"
	ip -n "$ns" addr add "$addr/24" dev "$dev"
	ip -n "$ns" link set "$dev" up
	ip -n "$ns" neigh add "${addr%.*}.2" lladdr 02:00:00:00:00:02 dev "$dev"
}

make "$A" t1 10.11.0.1 local 10.1.0.1 remote 192.0.2.9 key 11
check "no route" dropped tx_no_route IP_OUTNOROUTES \
	"ifindex=[0-9]+ lane=[0-9]+ key=11 remote=192.0.2.9 local=10.1.0.1 len=98" \
	"$A" t1 quick "$A" 10.11.0.2

make "$A" t2 10.12.0.1 external
check "no metadata" dropped tx_no_metadata TUNNEL_TXINFO \
	"ifindex=[0-9]+ lane=[0-9]+ key=-1 remote=0.0.0.0 local=0.0.0.0 len=98" \
	"$A" t2 quick "$A" 10.12.0.2

make "$A" t3 10.13.0.1 "${P2P[@]}" key 13
ip -n "$A" link set t3 mtu 1500
check "too big" dropped tx_too_big PKT_TOO_BIG \
	"ifindex=[0-9]+ lane=[0-9]+ key=13 remote=10.1.0.2 local=10.1.0.1 len=1514" \
	"$A" t3 quick "$A" -M do -s 1472 10.13.0.2

lower() { # a firewall of the host takes what the device sends
	in_ns "$A" nft add table ip t
	in_ns "$A" nft add chain ip t o '{ type filter hook output priority 0; }'
	in_ns "$A" nft add rule ip t o ip protocol gre drop
	quick "$A" 10.13.0.2 || true
	in_ns "$A" nft delete table ip t
}
check "the layers below" dropped tx_lower "" \
	"ifindex=[0-9]+ lane=[0-9]+ key=13 remote=10.1.0.2 local=10.1.0.1 len=98" \
	"$A" t3 lower

make "$A" t4 10.14.0.1 "${P2P[@]}" key 14
make "$B" t4 10.14.0.9 "${PEER[@]}" key 14 icsum
check "no checksum" dropped rx_bad_csum SKB_CSUM \
	"ifindex=[0-9]+ lane=(-1|[0-9]+) key=14 remote=10.1.0.1 local=10.1.0.2 len=[0-9]+" \
	"$B" t4 quick "$A" 10.14.0.2

make "$B" t3 10.13.0.9 "${PEER[@]}" key 13
congested() { # of traffic that does not know about congestion marks
	in_ns "$A" nft add table ip t
	in_ns "$A" nft add chain ip t o '{ type filter hook output priority 0; }'
	in_ns "$A" nft add rule ip t o ip protocol gre ip ecn set ce
	quick "$A" 10.13.0.2 || true
	in_ns "$A" nft delete table ip t
}
check "a congestion mark" dropped rx_bad_ecn IP_TUNNEL_ECN \
	"ifindex=[0-9]+ lane=(-1|[0-9]+) key=13 remote=10.1.0.1 local=10.1.0.2 len=[0-9]+" \
	"$B" t3 congested

unload() { # with all events on, and packets under way
	start "$A" ping -q -f 10.2.0.2 >/dev/null
	clear
	on mq_gre
	until_true 10 grep -q mqgre_rcv "$t/trace"
	rmmod mq_gre
	[[ ! -d $t/events/mq_gre ]]
	load_kind
	[[ -d $t/events/mq_gre/mqgre_drop ]]
	[[ $(cat "$t/events/mq_gre/enable") == 0 ]]
}
check "the module goes while its events are on" unload

ksft_end
