#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The options beyond those of gretap over IPv4: IPv6 addresses, GRE in UDP,
# NVGRE, lanes, output, df. Set, shown, changed, and refused with a reason.
# (mqgre_link.sh has the life of a device, and the others.)
#
#	A: eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 :B
#	   (mqgre devices are made in A; nothing is sent)

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
in_ns "$A" sysctl -qw net.ipv6.conf.all.disable_ipv6=0

P2P=(local 10.1.0.1 remote 10.1.0.2)
P6=(local fd00::1 remote fd00::2)

add() { ip -n "$A" link add m0 type mqgre "$@"; }
change() { ip -n "$A" link set m0 type mqgre "$@"; }
del() { ip -n "$A" link del "${1:-m0}"; }
nl() { in_ns "$A" "$here/nl.py" "$@"; }
shows() { # shows WORDS: among the options that `ip -d` prints
	local out
	out=$(ip -n "$A" -d link show m0)
	echo "$out"
	grep -qF -- "$1" <<<"$out"
}
shows_not() { fails shows "$1"; }
json() { # json PYTHON: an expression of d, the options
	ip -n "$A" -j -d link show m0 | python3 -c "
import json, sys
d = json.load(sys.stdin)[0]['linkinfo']['info_data']
print(d)
assert $1"
}

addresses() {
	add "${P6[@]}" key 7 ttl 9 tos inherit
	shows "mqgre remote fd00::2 local fd00::1 ttl 9 tos inherit ikey 7 okey 7"
	# 1500 - 40 of IPv6, 8 of GRE, 14 of Ethernet
	shows "mtu 1438"
	json 'd["remote"] == "fd00::2" and d["local"] == "fd00::1"'
	del
	add remote fd00::2 dev eth0
	shows "remote fd00::2 dev eth0"
	shows_not local
	del
	add remote fe80::2 dev eth0
	shows "remote fe80::2 dev eth0"
	del
	add remote fd00::2 local fd00::1 hoplimit 3 tclass 8 flowlabel 0x12345
	shows "ttl 3 tos 0x8 flowlabel 0x12345"
	change flowlabel auto
	shows_not flowlabel
	del
}
check "IPv6 addresses, hop limit, traffic class, flow label" addresses

family() { # one device may move from one to the other
	add "${P2P[@]}" key 7
	shows "mtu 1458"
	change "${P6[@]}"
	shows "remote fd00::2 local fd00::1 ttl inherit ikey 7 okey 7"
	shows "mtu 1438"
	change remote 10.1.0.2
	shows "remote 10.1.0.2 ttl"
	shows "mtu 1458"
	shows_not local
	del
}
check "change: from IPv4 to IPv6 and back" family

udp() {
	add "${P2P[@]}" key 7 encap fou
	shows "encap fou encap-sport auto encap-dport 4754 noencap-csum encap-csum6"
	# 8 bytes less than without
	shows "mtu 1450"
	json 'd["encap"] == {"type": "fou", "sport": 0, "dport": 4754, "csum": False, "csum6": True}'
	change encap-sport 5000 encap-dport 5001 encap-csum
	shows "encap fou encap-sport 5000 encap-dport 5001 encap-csum encap-csum6"
	change noencap-udp6-csum ttl 9
	shows "encap fou encap-sport 5000 encap-dport 5001 encap-csum noencap-csum6"
	change encap none
	shows_not encap
	shows "ttl 9"
	shows "mtu 1458"
	change encap fou encap-dport auto
	shows "encap fou encap-sport auto encap-dport 4754 noencap-csum encap-csum6"
	del
	nl newlink m0 mqgre local=ip:10.1.0.1 remote=ip:10.1.0.2 encap_type=u16:1
	shows "encap fou encap-sport auto encap-dport 4754 noencap-csum encap-csum6"
	del
}
check "GRE in UDP: ports and checksums" udp

nvgre() {
	add "${P2P[@]}" key 0xffffff nvgre
	shows "ikey 16777215 okey 16777215 nvgre"
	json 'd["nvgre"] is True'
	change nonvgre
	shows_not nvgre
	change key 0xffffffff
	shows "ikey 4294967295 okey 4294967295"
	change key 10.0.0.1
	shows "ikey 167772161"
	del
}
check "NVGRE, and keys of 24 and 32 bits" nvgre

choices() {
	local word
	add "${P2P[@]}"
	shows_not lanes
	shows_not output
	for word in hash single; do
		change lanes "$word"
		shows "lanes $word"
	done
	for word in direct stack; do
		change output "$word"
		shows "lanes single output $word"
	done
	json 'd["lanes"] == "single" and d["output"] == "stack"'
	change lanes keep output auto
	shows_not lanes
	shows_not output
	del
}
check "lanes and output" choices

df() {
	add "${P2P[@]}" df inherit
	shows nopmtudisc
	shows_not ignore-df
	change df unset
	shows "nopmtudisc ignore-df"
	change df set
	shows_not pmtudisc
	shows_not ignore-df
	json 'd["pmtudisc"] is True'
	del
}
check "df set, unset, inherit" df

mark() {
	add "${P2P[@]}" fwmark 0x17
	shows "fwmark 0x17"
	change ttl 3
	shows "fwmark 0x17"
	del
}
check "fwmark" mark

external() {
	add external encap fou encap-dport 5002 nvgre lanes hash output stack fwmark 3
	shows "external encap fou encap-sport auto encap-dport 5002 noencap-csum encap-csum6 nvgre lanes hash output stack fwmark 0x3"
	change encap none nonvgre
	shows "external lanes hash output stack fwmark 0x3"
	del
}
check "what goes with external" external

apart() { # these are different devices, all at once
	local n=0 args
	for args in "${P2P[*]} key 7" "${P2P[*]} key 7 encap fou" \
		"${P2P[*]} key 7 encap fou encap-dport 5003" \
		"${P2P[*]} key 7 nvgre" "${P6[*]} key 7" \
		"${P6[*]} key 7 encap fou" "remote 10.1.0.2 key 7" \
		"remote fe80::2 key 7 dev eth0" "remote fe80::2 key 7 dev lo" \
		external; do
		# shellcheck disable=SC2086 # words they are
		ip -n "$A" link add "d$n" type mqgre $args
		# shellcheck disable=SC2086
		fails ip -n "$A" link add twice type mqgre $args
		n=$((n + 1))
	done
	while ((n > 0)); do
		n=$((n - 1))
		del "d$n"
	done
}
check "devices of one key that differ in the rest" apart

# refused NAME PATTERN ATTRIBUTE...: with a text, and no device came of it.
refused() {
	check_refused "$1" "E[A-Z]+: .*$2" nl newlink m0 mqgre "${@:3}"
	if del 2>/dev/null; then fail "$1: leaves nothing behind"; fi
}
ends=(local=ip:10.1.0.1 remote=ip:10.1.0.2)
ends6=(local=ip6:fd00::1 remote=ip6:fd00::2)
keys=(iflags=be16:0x2000 oflags=be16:0x2000)
fou=encap_type=u16:1

refused "remote: mixed families" "one family" local=ip6:fd00::1 remote=ip:10.1.0.2
refused "remote ::" remote remote=ip6:::
refused "remote ff02::1" remote remote=ip6:ff02::1
refused "remote ::ffff:10.1.0.2" remote remote=ip6:::ffff:10.1.0.2
refused "local ff02::1" local local=ip6:ff02::1 remote=ip6:fd00::2
refused "local ::ffff:10.1.0.1" local local=ip6:::ffff:10.1.0.1 remote=ip6:fd00::2
refused "a link-local remote without dev" dev remote=ip6:fe80::2
refused "a remote of 8 bytes" remote remote=hex:fd00000000000001
refused "a flow label of 21 bits" "20 bits" "${ends6[@]}" flowinfo=be32:0x100000
refused "a traffic class beside tos" tos "${ends6[@]}" flowinfo=be32:0x00100000
refused "a flow label for IPv4" IPv6 "${ends[@]}" flowinfo=be32:4
refused "an encapsulation limit" limit "${ends6[@]}" encap_limit=u8:4
refused "encap gue" fou "${ends[@]}" encap_type=u16:2
refused "encap mpls" fou "${ends[@]}" encap_type=u16:3
refused "encap of one byte" "[a-z]{4}" "${ends[@]}" encap_type=u8:1
refused "remcsum" remote "${ends[@]}" $fou encap_flags=u16:4
refused "an unknown flag of the encapsulation" flag "${ends[@]}" $fou encap_flags=u16:8
refused "a port without encapsulation" fou "${ends[@]}" encap_dport=be16:4754
refused "a checksum without encapsulation" fou "${ends[@]}" encap_type=u16:0 encap_flags=u16:1
refused "csum within UDP" encap-csum "${ends[@]}" $fou iflags=be16:0x8000 oflags=be16:0x8000
refused "sequence numbers within UDP" sequence "${ends[@]}" $fou oflags=be16:0x1000
refused "nvgre without a key" key "${ends[@]}" 42=u8:1
refused "nvgre with a key one way" key "${ends[@]}" 42=u8:1 iflags=be16:0x2000 ikey=be32:7
refused "nvgre with a key of 25 bits" "24 bits" "${ends[@]}" 42=u8:1 "${keys[@]}" ikey=be32:0x1000000 okey=be32:1
refused "nvgre with csum" checksum "${ends[@]}" 42=u8:1 iflags=be16:0xa000 oflags=be16:0xa000 ikey=be32:7 okey=be32:7
refused "nvgre 2" nvgre "${ends[@]}" "${keys[@]}" ikey=be32:7 okey=be32:7 42=u8:2
refused "lanes 3" lanes "${ends[@]}" 40=u8:3
refused "output 3" output "${ends[@]}" 41=u8:3
refused "lanes of no bytes" "[a-z]{4}" "${ends[@]}" 40=hex:
refused "an attribute between the kernel's and ours" "[a-z]{4}" "${ends[@]}" 30=u8:1
refused "external with a flow label" "flow label" collect_metadata=flag: flowinfo=be32:4

kept() { # kept NAME PATTERN ATTRIBUTE...: m0 as it was after a refused change
	local before
	before=$(ip -n "$A" -d link show m0)
	check_refused "change: $1" "E[A-Z]+: .*$2" nl change m0 mqgre "${@:3}"
	[[ $before == "$(ip -n "$A" -d link show m0)" ]] ||
		fail "change: $1: the device is as it was" "$(ip -n "$A" -d link show m0)"
}
add "${P6[@]}" key 7 nvgre encap fou
kept "mixed families" "one family" remote=ip:10.1.0.2
kept "a long key" "24 bits" "${keys[@]}" ikey=be32:0x1000000 okey=be32:7
kept "no key" key iflags=be16:0 oflags=be16:0
kept "csum" checksum iflags=be16:0xa000 oflags=be16:0xa000 ikey=be32:7 okey=be32:7
kept "gue" fou encap_type=u16:2
kept "lanes 3" lanes 40=u8:3
kept "a link-local remote" dev remote=ip6:fe80::2
del

# The plugin speaks before the kernel does.
check_refused "ip: encap details without encap" "encap fou" add "${P2P[@]}" encap-dport 5
check_refused "ip: encap none with details" "encap none" add "${P2P[@]}" encap none encap-csum
check_refused "ip: encap-remcsum" "remote checksum" add "${P2P[@]}" encap fou encap-remcsum
check_refused "ip: encap-dport 0" "1\.\.65535" add "${P2P[@]}" encap fou encap-dport 0
check_refused "ip: df twice" "earlier word" add "${P2P[@]}" df set pmtudisc
check_refused "ip: df maybe" "none of unset, set, inherit" add "${P2P[@]}" df maybe
check_refused "ip: lanes frob" "none of keep, hash, single" add "${P2P[@]}" lanes frob
check_refused "ip: flowlabel 0x100000" "20 bits" add "${P6[@]}" flowlabel 0x100000
check_refused "ip: key 4294967296" "32 bits" add "${P2P[@]}" key 4294967296

ksft_end
