#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The life of a device as its owner sees it: made, shown, changed, moved,
# deleted, and refused with a reason. Hostile ways to end it: mqgre_life.sh.
#
#	A: eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 :B
#	   (mqgre devices are made in A)

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2

P2P=(local 10.1.0.1 remote 10.1.0.2)

add() { ip -n "$A" link add "$@"; }
nl() { in_ns "$A" "$here/nl.py" "$@"; }
links() { ip -n "$A" -br link | awk '{ print $1 }' | sort; }
shows() { # shows DEV WORDS: among the options that `ip -d` prints
	local out
	out=$(ip -n "$A" -d link show "$1")
	echo "$out"
	grep -qF -- "$2" <<<"$out"
}
shows_not() {
	fails shows "$1" "$2"
}

# works NAME FUNCTION: check, with no device left over from the one before.
works() {
	local dev
	for dev in m0 m1 m2 t9; do
		ip -n "$A" link del "$dev" 2>/dev/null || true
	done
	check "$@"
}

# refused NAME PATTERN COMMAND...: fails with a text, and no device came of it.
refused() {
	local before after
	before=$(links)
	check_refused "$@"
	after=$(links)
	[[ $before == "$after" ]] || fail "$1: leaves nothing behind" "$after"
	ip -n "$A" link del t9 2>/dev/null || true
}

life() {
	add m0 type "$KIND" "${P2P[@]}" key 7
	ip -n "$A" link set m0 up
	shows m0 "LOWER_UP"
	ip -n "$A" link set m0 down
	ip -n "$A" link set m0 name m1
	ip -n "$A" link del m1
	fails ip -n "$A" link show m1
}
works "add, up, down, rename, delete" life

prints() {
	add m0 type "$KIND" "${P2P[@]}" ikey 7 okey 9 icsum ttl 9 tos inherit \
		nopmtudisc dev eth0
	shows m0 "$KIND remote 10.1.0.2 local 10.1.0.1 dev eth0 ttl 9 tos inherit nopmtudisc ikey 7 okey 9 icsum"
	shows_not m0 ocsum
	ip -n "$A" -j -d link show m0 | python3 -c '
import json, sys
d = json.load(sys.stdin)[0]["linkinfo"]["info_data"]
assert d == {"remote": "10.1.0.2", "local": "10.1.0.1", "link": "eth0",
	"ttl": 9, "tos": "inherit", "pmtudisc": False, "ikey": 7, "okey": 9,
	"icsum": True}, d'
	ip -n "$A" link del m0
}
works "all options are printed back, as text and as JSON" prints

defaults() {
	add m0 type "$KIND" "${P2P[@]}"
	shows m0 "mtu 1462"
	shows m0 "ttl inherit"
	shows_not m0 key
	shows_not m0 csum
	shows_not m0 nopmtudisc
	ip -n "$A" link set m0 up
	shows m0 "qdisc noqueue"
	add m1 type "$KIND" "${P2P[@]}" key 0
	shows m1 "ikey 0 okey 0"
	shows m1 "mtu 1458"
	ip -n "$A" link del m0
	ip -n "$A" link del m1
}
works "defaults: MTU, TTL, no qdisc; key 0 is a key" defaults

queues() {
	local n
	add m0 numtxqueues 3 numrxqueues 5 type "$KIND" "${P2P[@]}" key 1
	shows m0 "numtxqueues 3 numrxqueues 5"
	n=$(in_ns "$A" find /sys/class/net/m0/queues -name 'tx-*' | wc -l)
	[[ $n == 3 ]]
	n=$(in_ns "$A" ethtool -S m0 | grep -cE 'tx_queue_[0-9]+_packets')
	[[ $n == 3 ]]
	add m1 numtxqueues 4096 numrxqueues 1 type "$KIND" "${P2P[@]}" key 2
	shows m1 "numtxqueues 4096 numrxqueues 1"
	# eth0 has one queue, which is what m2's packets leave through.
	add m2 type "$KIND" "${P2P[@]}" key 3 dev eth0
	n=$(in_ns "$A" find /sys/class/net/m2/queues -name 'tx-*' | wc -l)
	echo "by default $n queues, $(nproc) CPUs"
	((n == 1 || n == $(nproc)))
	for n in m0 m1 m2; do ip -n "$A" link del "$n"; done
}
works "numtxqueues, numrxqueues and their default" queues

bare() {
	add m0 type "$KIND"
	shows m0 "$KIND external"
	ip -n "$A" link del m0
	add m0 type "$KIND" external
	shows m0 "$KIND external"
	ip -n "$A" link del m0
	nl newlink m0 "$KIND" nodata=1
	shows m0 "$KIND external"
	ip -n "$A" link del m0
}
works "without options it takes them from each packet's metadata" bare

change() {
	add m0 type "$KIND" "${P2P[@]}" key 7
	ip -n "$A" link set m0 type "$KIND" remote 10.1.0.3 ttl 12
	shows m0 "remote 10.1.0.3 local 10.1.0.1 ttl 12"
	shows m0 "ikey 7 okey 7"
	ip -n "$A" link set m0 type "$KIND" okey 8 csum
	shows m0 "ikey 7 okey 8 icsum ocsum"
	ip -n "$A" link set m0 type "$KIND" nokey nocsum
	shows_not m0 key
	shows_not m0 csum
	shows m0 "remote 10.1.0.3 local 10.1.0.1 ttl 12"
	ip -n "$A" link del m0
}
works "changelink changes what is named, and no more" change

# From here on: what must be refused. Nothing may come of any of it.
works "nothing there yet" true
nn=(newlink t9 "$KIND")
ends=(local=ip:10.1.0.1 remote=ip:10.1.0.2)
r() { # r NAME PATTERN ATTRIBUTE...
	local name=$1 pattern=$2
	shift 2
	refused "$name" "$pattern" nl "${nn[@]}" "$@"
}
some='[a-z]{4}' # any text at all beside the error's name

r "a key without its flag (input)" "EINVAL: .*key" "${ends[@]}" ikey=be32:7
r "a key without its flag (output)" "EINVAL: .*key" "${ends[@]}" okey=be32:7 iflags=be16:0x2000 ikey=be32:7
r "an IPv6 remote, an IPv4 local address" "E[A-Z]+: .*$some" local=ip:10.1.0.1 remote=ip6:fd00::2
r "an IPv6 local address, an IPv4 remote" "E[A-Z]+: .*$some" local=ip6:fd00::1 remote=ip:10.1.0.2
r "remote 0.0.0.0" "E[A-Z]+: .*remote" local=ip:10.1.0.1 remote=ip:0.0.0.0
r "a multicast remote" "E[A-Z]+: .*$some" local=ip:10.1.0.1 remote=ip:224.0.0.5
r "a broadcast remote" "E[A-Z]+: .*$some" local=ip:10.1.0.1 remote=ip:255.255.255.255
r "a multicast local address" "E[A-Z]+: .*$some" local=ip:224.0.0.5 remote=ip:10.1.0.2
r "sequence numbers out" "E[A-Z]+: .*sequence" "${ends[@]}" oflags=be16:0x1000
r "sequence numbers in" "E[A-Z]+: .*sequence" "${ends[@]}" iflags=be16:0x1000
r "a GRE version in the flags" "E[A-Z]+: .*$some" "${ends[@]}" oflags=be16:0x0001
r "routing in the flags" "E[A-Z]+: .*$some" "${ends[@]}" iflags=be16:0x4000
r "external with a key" "EINVAL: .*$some" collect_metadata=flag: iflags=be16:0x2000 ikey=be32:7
r "external with a remote" "EINVAL: .*$some" collect_metadata=flag: remote=ip:10.1.0.2
r "ignore-df with pmtudisc" "E[A-Z]+: .*$some" "${ends[@]}" ignore_df=u8:1 pmtudisc=u8:1
r "an encapsulation limit (IPv6's)" "E[A-Z]+: .*$some" "${ends[@]}" encap_limit=u8:4
r "a flow label (IPv6's)" "E[A-Z]+: .*$some" "${ends[@]}" flowinfo=be32:4
r "an ERSPAN version" "E[A-Z]+: .*$some" "${ends[@]}" erspan_ver=u8:1
r "an unknown attribute" "E[A-Z]+: .*$some" "${ends[@]}" 43=u32:1
r "a remote of 3 bytes" "E[A-Z]+: .*$some" local=ip:10.1.0.1 remote=hex:0a0100
r "a TTL of no bytes" "E[A-Z]+: .*$some" "${ends[@]}" ttl=hex:
r "a link that is not there" "E[A-Z]+: .*$some" "${ends[@]}" link=u32:9999
r "0 transmit queues" "E[A-Z]+: .*$some" "${ends[@]}" link.numtx=u32:0
r "0 receive queues" "E[A-Z]+: .*$some" "${ends[@]}" link.numrx=u32:0
r "4097 transmit queues" "E[A-Z]+: .*$some" "${ends[@]}" link.numtx=u32:4097
r "4097 receive queues" "E[A-Z]+: .*$some" "${ends[@]}" link.numrx=u32:4097
r "an MTU that is too small" "E[A-Z]+: .*$some" "${ends[@]}" link.mtu=u32:20
r "an MTU that is too large" "E[A-Z]+: .*$some" "${ends[@]}" link.mtu=u32:70000

add m0 type "$KIND" "${P2P[@]}" key 7
add m1 type "$KIND" "${P2P[@]}" key 8
add m2 type "$KIND" "${P2P[@]}"
add m3 type "$KIND"
refused "a name that is taken" "exists" add m0 type "$KIND" "${P2P[@]}" key 20
r "the same local, remote and key" "EEXIST: .*$some" "${ends[@]}" \
	iflags=be16:0x2000 oflags=be16:0x2000 ikey=be32:7 okey=be32:99
r "the same local and remote, no key" "EEXIST: .*$some" "${ends[@]}"
r "a second device that takes all from metadata" "EEXIST: .*$some" collect_metadata=flag:

kept() { # kept NAME PATTERN ATTRIBUTE...: m0 as it was after a refused change
	local name=$1 pattern=$2 before
	shift 2
	before=$(ip -n "$A" -d link show m0)
	check_refused "$name" "$pattern" nl change m0 "$KIND" "$@"
	[[ $before == "$(ip -n "$A" -d link show m0)" ]] ||
		fail "$name: the device is as it was" "$(ip -n "$A" -d link show m0)"
}
key8=(iflags=be16:0x2000 oflags=be16:0x2000 ikey=be32:8 okey=be32:8)
kept "change: into what another device is" "EEXIST: .*$some" "${ends[@]}" "${key8[@]}"
kept "change: a key without its flag" "EINVAL: .*key" "${ends[@]}" iflags=be16:0 oflags=be16:0 ikey=be32:9
kept "change: sequence numbers" "E[A-Z]+: .*sequence" "${ends[@]}" oflags=be16:0x1000
kept "change: from options to metadata" "E[A-Z]+: .*$some" collect_metadata=flag:
kept "change: an IPv6 remote, an IPv4 local address" "E[A-Z]+: .*$some" remote=ip6:fd00::2
check_refused "change: from metadata to options" "E[A-Z]+: .*$some" nl change m3 "$KIND" "${ends[@]}"
check "change: it takes from metadata still" shows m3 external
for dev in m0 m1 m2 m3; do ip -n "$A" link del "$dev"; done

# The plugin speaks before the kernel does.
refused "ip: key with external" 'contradicts "external"' add t9 type mqgre external key 5
refused "ip: two keys" 'earlier word' add t9 type mqgre key 5 ikey 6
refused "ip: two families" "one family" add t9 type mqgre local 10.1.0.1 remote fd00::2
refused "ip: a word it does not know" 'what is "frob"' add t9 type mqgre frob
refused "ip: seq" "sequence" add t9 type "$KIND" "${P2P[@]}" seq
help() { ip link help mqgre | grep -q 'remote ADDR'; }
check "ip link help mqgre" help

ksft_end
