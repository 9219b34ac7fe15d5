#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own selftests of gretap, with mqgre in its place. They are taken
# from the source of the kernel that runs (KSELFTESTS names another folder
# tools/testing/selftests); nothing of them lies here. STOCK="l2 pmtu" runs some
# of them, STOCK=all those, too, that only repeat others in more time.
#
# With KIND=gretap they show which of their cases pass here with the stock
# driver: all of them did but those in $gretap_fails, with the reason beside.

. "$(dirname -- "$0")/lib.sh"

# Outer IP versions; OUTERS=4 takes half the time.
read -ra outers <<<"${OUTERS:-4 6}"

# name|reason: what fails with the stock driver, too.
gretap_fails=(
	"IPv4, bridged|gretap tells a sender behind a bridge of no narrow path"
)
most=(l2 gso pmtu rtnetlink lladdr headroom mirror)
slow=(mirror-more)

tests=${KSELFTESTS:-$here/../build/kdir/$(uname -r)/source/tools/testing/selftests}
[[ -f $tests/net/pmtu.sh ]] || ksft_skip_all "needs the kernel's source"
load_kind
# The tests want the stock one there, whatever they test.
modprobe -a ip_gre vrf
cp -r "$tests/net" "$tmp/net" 2>/dev/null || true
export WAIT_TIME=1 MZ=$here/mz.py

# edit FILE EXPRESSION...: changes a test by sed; @KIND@ becomes the kind, @KIND6@
# the one for IPv6 addresses. What finds nothing to change is an error: the test
# is another one than it was.
kind6=$KIND
[[ $KIND != gretap ]] || kind6=ip6gretap
edit() {
	local file=$tmp/net/$1 expression
	shift
	for expression in "$@"; do
		sed -E -i.before "$expression" "$file"
		! cmp -s "$file" "$file.before" || {
			fail "${file##*/} is the test that it was" "nothing to do for: $expression"
			return 1
		}
	done
	sed -i "s/@KIND@/$KIND/g; s/@KIND6@/$kind6/g" "$file"
}

# verdicts: the lines of a test as "ok NAME", "fail NAME", "skip NAME".
verdicts() {
	sed -nE \
		-e 's/^ *TEST: (.*[^ ]) *\[ *(OK|PASS) *\]$/ok \1/p' \
		-e 's/^ *TEST: (.*[^ ]) *\[ *FAIL *\]$/fail \1/p' \
		-e 's/^ *TEST: (.*[^ ]) *\[ *X?SKIP *\]$/skip \1/p' \
		-e 's/^PASS: (.*)/ok \1/p' -e 's/^(FAIL|SKIP): (.*)/fail \2/p' \
		-e 's/│/|/g; s/^\|(.*[0-9a-z]) \| +OK \|$/ok\1/p; s/^\|(.*[0-9a-z]) \| +FAIL \|$/fail\1/p' \
		"$1" |
		# Random values do not belong into a name.
		sed -E -e 's/(inherit|fixed) (0x)?[0-9a-f]+/\1/g; s/ +/ /g; s/ \|/,/g' \
			-e 's/gre, ([46]), (.*), (.*), (.*), (true|false)$/\2 in IPv\1: tos \3, ttl \4, vlan \5/'
}

# stock NAME FOLDER TEST [ARG...]: runs it; each of its cases is a result.
stock() {
	local name=$1 folder=$2 program=./$3 word text entry reason status=0
	shift 3
	(cd "$tmp/net/$folder" && timeout -k 5 600 "$program" "$@") >"$tmp/log" 2>&1 </dev/null ||
		status=$?
	verdicts "$tmp/log" >"$tmp/verdicts"
	if [[ ! -s $tmp/verdicts ]]; then
		fail "$name: $program says something" "status $status: $(tail -n 20 "$tmp/log")"
	fi
	((status != 124 && status != 137)) ||
		fail "$name: $program ends in time" "$(tail -n 5 "$tmp/log")"
	while read -r word text; do
		reason=
		for entry in "${gretap_fails[@]}"; do
			[[ $KIND != gretap || $text != "${entry%%|*}"* ]] || reason=${entry#*|}
		done
		case $word in
		ok) pass "$name: $text" ;;
		skip) skip "$name: $text" "the test's own decision" ;;
		fail)
			if [[ -n $reason ]]; then
				note "not counted: $name: $text: $reason"
			else
				fail "$name: $text" "$(grep -av '^TEST.*OK' "$tmp/log" | tail -n 20)"
			fi
			;;
		esac
	done <"$tmp/verdicts"
}

# TOS and TTL of the outer header: inherited and fixed, with VLAN tags, for
# IPv4, IPv6 and ARP inside.
stock_l2() {
	edit l2_tos_ttl_inherit.sh 's/for type in gre vxlan geneve/for type in gre/' \
		"s/for outer in 4 6/for outer in  ${outers[*]}/" \
		's/type="gretap"/type="@KIND@"/' 's/type="ip6gretap"/type="@KIND6@"/' || return 0
	# ip6gretap has 8 bytes in front of GRE, for a limit of tunnels in tunnels.
	[[ $KIND != mqgre ]] || edit l2_tos_ttl_inherit.sh 's/(tunnel_type_offset)="40"/\1="6"/' \
		's/(req_proto_offset)="64"/\1="56"/' 's/(req_offset)="73"/\1="65"/' \
		's/(req_proto_offset)="72"/\1="64"/' 's/(req_offset)="106"/\1="98"/' \
		's/(req_proto_offset)="75"/\1="67"/' 's/(req_offset)="86"/\1="78"/' || return 0
	stock "inside" . l2_tos_ttl_inherit.sh
}

# TCP through the tunnel, cut by the device below and by the stack. The stock
# test has tunnels of layer 3, over IPv6.
stock_gso() {
	edit gre_gso.sh 's/\tip tunnel add gre1 mode \$mode/\tip link add gre1 type @KIND6@/' \
		's/\$IP tunnel add gre1 mode \$mode/$IP link add gre1 type @KIND6@/' \
		's/timeout 1 socat/timeout 60 socat/' || return 0
	[[ " ${outers[*]} " != *" 6 "* ]] || stock "gso" . gre_gso.sh
	edit gre_gso.sh "s/type $kind6/type @KIND@/" \
		's/a1=\$\(get_linklocal veth0\)/a1=192.0.2.1; ip addr add $a1\/24 dev veth0/' \
		's/a2=\$\(get_linklocal veth0 \$ns1\)/a2=192.0.2.2; $IP addr add $a2\/24 dev veth0/' \
		's/GREv6/GREv4/' || return 0
	stock "gso" . gre_gso.sh
}

# Who sends too much is told, on this host and behind a bridge. There are no
# cases of gretap: those of VXLAN do, whose headers are 8 bytes longer.
stock_pmtu() {
	local outer
	edit pmtu.sh 's/HAVE_NH=yes/HAVE_NH=no/' \
		's/type \$\{type\} id 1 \$\{opts_a\} remote \$\{b_addr\} \$\{opts\}/type ${gre} key 1 local ${a_addr} remote ${b_addr}/' \
		's/type \$\{type\} id 1 \$\{opts_b\} remote \$\{a_addr\} \$\{opts\}$/type ${gre} key 1 local ${b_addr} remote ${a_addr}/' \
		's/( - [24]0 +- 8) +- 8 +- 14\)/\1 - 14)/' \
		's/(over|bridged) vxlan/\1 GREv/' 's/-i 0\.1 -w 1 -s/-i 0.1 -w 3 -s/' \
		's/socat -T 3/socat -T 30/' 's/connect-timeout=3/connect-timeout=30/' || return 0
	for outer in "${outers[@]}"; do
		gre=$KIND
		[[ $outer == 4 ]] || gre=$kind6
		gre=$gre stock "path MTU" . pmtu.sh "pmtu_ipv4_vxlan${outer}_exception" \
			"pmtu_ipv6_vxlan${outer}_exception" \
			"pmtu_ipv4_br_vxlan${outer}_exception" \
			"pmtu_ipv6_br_vxlan${outer}_exception"
	done
}

# Made, brought up, deleted, also in collect-metadata mode. Sequence numbers,
# which mqgre refuses, are left out.
stock_rtnetlink() {
	edit rtnetlink.sh 's/type gretap seq/type @KIND@/' 's/type gretap external/type @KIND@ external/' \
		's/ip link help gretap/ip link help @KIND@/' || return 0
	stock "rtnetlink" . rtnetlink.sh -t kci_test_gretap
}

# IPv6 link-local addresses, in each way to make them. Without a remote mqgre is
# for collect-metadata mode, and has no address of its own.
stock_lladdr() {
	edit gre_ipv6_lladdr.sh 's/for GRE_TYPE in "gre" "gretap"/for GRE_TYPE in "@KIND@"/' \
		's/for GRE_TYPE in "ip6gre" "ip6gretap"/for GRE_TYPE in "@KIND6@"/' \
		'/"\$\{GRE_TYPE\}" [0-9a-f.:]* any/d' || return 0
	[[ " ${outers[*]} " == *" 6 "* ]] || edit gre_ipv6_lladdr.sh '/^test_gre6$/d'
	stock "link-local" . gre_ipv6_lladdr.sh
}

# A mirror's packets, which nobody has made room in for an IPv6 header.
stock_headroom() {
	[[ " ${outers[*]} " == *" 6 "* ]] || return 0
	edit ip6_gre_headroom.sh 's/type ip6gretap/type @KIND6@/' || return 0
	stock "headroom" . ip6_gre_headroom.sh
}

# mirror FILE CASE...: a test of mirrors into tunnels, without ip6gretap.
mirror() {
	local name=$1
	shift
	TESTS="$*" stock "${name//_/ }" forwarding "$name.sh"
}
edit_mirror() {
	[[ -z ${mirror_edited:-} ]] || return 0
	mirror_edited=1
	edit forwarding/mirror_gre_topo_lib.sh 's/ gretap 192/ @KIND@ 192/' || return 1
}
stock_mirror() {
	edit_mirror || return 0
	edit forwarding/mirror_gre_changes.sh 's/gt4 gretap/gt4 @KIND@/' \
		'/test_span_gre[a-z_]* gt6.*\\$/,+1d' '/test_span_gre[a-z_]* gt6/d' || return 0
	mirror mirror_gre test_gretap test_gretap_mac
	mirror mirror_gre_changes test_ttl test_tun_up test_egress_up test_remote_ip \
		test_tun_del test_route_del
}
stock_mirror-more() {
	local name
	edit_mirror || return 0
	for name in bound bridge_1d bridge_1q flower neigh nh vlan; do
		mirror "mirror_gre_$name" test_gretap
	done
	mirror mirror_gre_bridge_1d_vlan test_gretap test_gretap_stp
	mirror mirror_gre_vlan_bridge_1q test_gretap test_gretap_forbidden_cpu \
		test_gretap_forbidden_egress test_gretap_untagged_egress \
		test_gretap_fdb_roaming test_gretap_stp
}

wanted=${STOCK:-${most[*]}}
[[ $wanted != all ]] || wanted="${most[*]} ${slow[*]}"
for word in $wanted; do
	"stock_$word"
done
ksft_end
