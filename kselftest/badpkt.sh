# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the tests with bad packets, sourced after lib.sh: two ends, tunnels in
# every encapsulation.
#
#	                            / m7 key 7
#	A: a program - eth0 --- eth0 - m8 key 8, csum :B
#	       10.1.0.1, fd01::1      10.1.0.2, fd01::2

# The encapsulations that are tried. Over IPv6 and in UDP mqgre has tests of its
# own (mqgre_udp.sh, mqgre_interop6.sh, mqgre_icmp.sh); ENCAPS="gre6 udp4 udp6"
# tries these here, too.
# shellcheck disable=SC2034 # by name, see find_encaps
encaps_of_mqgre=(gre4)
# shellcheck disable=SC2034
encaps_of_gretap=(gre4 gre6 udp4 udp6)

# encap_link ENCAP NUMBER-HERE NUMBER-THERE: kind and options of a tunnel.
encap_link() {
	local kind=$KIND words
	case $1 in
	*4) words="local 10.1.0.$2 remote 10.1.0.$3" ;;
	*6)
		words="local fd01::$2 remote fd01::$3"
		[[ $KIND != gretap ]] || kind=ip6gretap
		;;
	esac
	[[ $1 != udp* ]] || words+=" encap fou encap-sport auto encap-dport 4754"
	echo "$kind $words"
}

# two_ends: namespaces A and B with a wire, and who is who on it.
two_ends() {
	local ns
	# Or there are counters for packets that mqgre has not taken.
	if [[ $KIND == mqgre ]]; then
		modprobe -qr ip_gre || true
		modprobe -qr ip6_gre || true
		modprobe -qr gre || true
	fi
	new_ns A B
	veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
	for ns in A B; do
		# No duplicate detection, no multicast reports: see new_ns.
		in_ns "${!ns}" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 \
			net.ipv6.conf.eth0.addr_gen_mode=1 \
			net.ipv6.conf.eth0.router_solicitations=0 \
			net.ipv6.conf.eth0.disable_ipv6=0
	done
	ip -n "$A" addr add fd01::1/64 dev eth0
	ip -n "$B" addr add fd01::2/64 dev eth0
	# The sender is no IP host: nothing may wait for its answer.
	local mac
	mac=$(in_ns "$A" cat /sys/class/net/eth0/address)
	ip -n "$B" neigh replace 10.1.0.1 dev eth0 lladdr "$mac"
	ip -n "$B" neigh replace fd01::1 dev eth0 lladdr "$mac"
	if [[ $KIND == gretap ]]; then
		modprobe -a fou fou6
		in_ns "$B" ip fou add port 4754 ipproto 47
		in_ns "$B" ip fou add port 4754 ipproto 47 -6
	fi
}

# tunnels ENCAP: m7 and m8 of B, new.
tunnels() {
	local words dev sum
	read -ra words < <(encap_link "$1" 2 1)
	for dev in m7 m8; do
		ip -n "$B" link del "$dev" 2>/dev/null || true
	done
	tunnel "$B" m7 "${words[0]}" 10.7.0.2 "${words[@]:1}" key 7
	# mqgre has no GRE checksum within UDP, which has one of its own.
	sum=csum
	[[ $KIND$1 != mqgreudp* ]] || sum="encap-csum"
	tunnel "$B" m8 "${words[0]}" 10.8.0.2 "${words[@]:1}" key 8 "$sum"
	# The sniffers see what arrives; the host above, which has its own
	# opinion of a frame and its own counters, does not.
	for dev in m7 m8; do
		tc -n "$B" qdisc add dev "$dev" clsact
		tc -n "$B" filter add dev "$dev" ingress matchall action drop
	done
}

# find_encaps: those of the kind, in $encaps. ENCAPS="gre6 ..." tries others.
find_encaps() {
	local -n all=encaps_of_$KIND
	# shellcheck disable=SC2206 # words
	encaps=(${ENCAPS:-${all[@]}})
	note "encapsulations: ${encaps[*]}"
}

# some_of ENCAP WORD...: all of the words (ways to try it) for the first
# encapsulation, the last for others, where what differs is tried: it takes time.
some_of() {
	local encap=$1
	shift
	[[ $encap == "${encaps[0]}" ]] || shift $(($# - 1))
	echo "$@"
}

# nic_at_b: a tap takes the place of the wire; a program of shapes.py drives it.
nic_at_b() {
	modprobe -q tun || true
	ip -n "$B" link del eth0
	ip -n "$B" tuntap add eth0 mode tap
	ip -n "$B" addr add 10.1.0.2/24 dev eth0
	local mac=02:00:00:00:00:01
	in_ns "$B" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 \
		net.ipv6.conf.eth0.addr_gen_mode=1 \
		net.ipv6.conf.eth0.router_solicitations=0 \
		net.ipv6.conf.eth0.disable_ipv6=0
	ip -n "$B" addr add fd01::2/64 dev eth0
	ip -n "$B" link set eth0 up
	ip -n "$B" neigh replace 10.1.0.1 dev eth0 lladdr "$mac"
	ip -n "$B" neigh replace fd01::1 dev eth0 lladdr "$mac"
}
