#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# GRE in UDP (RFC 8086): talks to stock gretap and ip6gretap over fou, both
# ways; the ports that it listens on; GRO.
#
#	A: m0 10.2.0.1 - eth0 10.1.0.1 --- veth --- eth0 10.1.0.2 - t0 10.2.0.2 :B
#	                      fd01::1                    fd01::2
#	   m0 is mqgre, t0 stock

. "$(dirname -- "$0")/lib.sh"

load_kind
modprobe -a ip_gre ip6_gre fou fou6
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
ipv6_pair "$A" eth0 fd01::1 "$B" eth0 fd01::2
start "$A" iperf3 -s >/dev/null 2>&1
start "$B" iperf3 -s >/dev/null 2>&1
until_true 20 listens "$A"
until_true 20 listens "$B"
ip -n "$B" fou add port 4754 ipproto 47
ip -n "$B" fou add port 4754 ipproto 47 -6

V4=(local 10.1.0.1 remote 10.1.0.2)
add() { ip -n "$A" link add "$@"; }
del() { ip -n "$A" link del "$1" 2>/dev/null || true; }
listens() { # listens PORT [-6]: somebody in A does
	in_ns "$A" ss -Hlun "${2:--4}" "sport = :$1" | grep -q .
}

# link_up 4|6 OPTIONS-OF-M0 -- OPTIONS-OF-T0
link_up() {
	local family=$1 m0=()
	shift
	while [[ $1 != -- ]]; do
		m0+=("$1")
		shift
	done
	shift
	del m0
	ip -n "$B" link del t0 2>/dev/null || true
	if ((family == 4)); then
		tunnel "$A" m0 mqgre 10.2.0.1 "${V4[@]}" encap fou "${m0[@]}"
		tunnel "$B" t0 gretap 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 \
			encap fou encap-sport auto encap-dport 4754 "$@"
	else
		tunnel "$A" m0 mqgre 10.2.0.1 local fd01::1 remote fd01::2 encap fou "${m0[@]}"
		tunnel "$B" t0 ip6gretap 10.2.0.2 local fd01::2 remote fd01::1 \
			encap fou encap-sport auto encap-dport 4754 "$@"
	fi
}
both() {
	pings "$A" 10.2.0.2
	pings "$B" 10.2.0.1
	pings "$A" 10.2.0.2 -s 30000
	pings "$B" 10.2.0.1 -s 30000
	iperf "$A" 10.2.0.2
	iperf "$B" 10.2.0.1
	iperf "$A" 10.2.0.2 -u -b 5M
	iperf "$B" 10.2.0.1 -u -b 5M
}
silent() {
	no_ping "$A" 10.2.0.2
	no_ping "$B" 10.2.0.1
}

link_up 4 key 7 -- key 7 noencap-csum
check "IPv4, no UDP checksum" both
link_up 4 key 7 encap-csum -- key 7 encap-csum
check "IPv4, UDP checksum" both
link_up 4 -- noencap-csum
check "IPv4, no key" both
link_up 4 encap-csum -- noencap-csum
check "IPv4, UDP checksum one way only" both
link_up 6 key 7 -- key 7 encap-udp6-csum
check "IPv6, UDP checksum" both
link_up 6 key 7 noencap-csum6 -- key 7 noencap-udp6-csum
check "IPv6, no UDP checksum" both

no_csum6() { # refused where the device wants one, and counted
	local before
	before=$(counter "$A" m0 rx_bad_csum)
	no_ping "$B" 10.2.0.1
	(($(counter "$A" m0 rx_bad_csum) > before))
}
link_up 6 key 7 -- key 7 noencap-udp6-csum
check "IPv6: a packet without checksum is refused by default" no_csum6

link_up 4 key 7 -- key 8
check "another key: silence" silent

ports() { # an own port for each end's choice
	ip -n "$B" fou add port 5001 ipproto 47
	link_up 4 key 7 encap-dport 5001 -- key 7 encap-dport 5001
	pings "$A" 10.2.0.2
	pings "$B" 10.2.0.1
	listens 5001
	fails listens 4754
}
check "another port" ports

apart() { # plain GRE and GRE in UDP with one key are different tunnels
	link_up 4 key 7 -- key 7
	tunnel "$A" m1 mqgre 10.3.0.1 "${V4[@]}" key 7
	# gretap cannot have both at once.
	tunnel "$B" t1 mqgre 10.3.0.2 local 10.1.0.2 remote 10.1.0.1 key 7
	pings "$A" 10.2.0.2
	pings "$A" 10.3.0.2
	ip -n "$A" link set m1 down
	no_ping "$B" 10.3.0.1
	pings "$B" 10.2.0.1
	ip -n "$B" link del t1
	del m1
}
check "beside plain GRE with the same key" apart

gro() { # single packets on the wire, long frames above
	link_up 4 key 7 "$@" -- key 7
	in_ns "$B" ethtool -K eth0 tx off gso off tso off >/dev/null
	in_ns "$A" ethtool -K eth0 gro on
	ip netns exec "$A" "$here/capture.py" m0 "$tmp/seen" &
	local pid=$!
	until_true 10 grep -q ready "$tmp/seen"
	iperf "$B" 10.2.0.1
	kill "$pid"
	wait "$pid" || true
	in_ns "$A" ethtool -K eth0 gro off
	in_ns "$B" ethtool -K eth0 tx on gso on tso on >/dev/null
	tail -n 1 "$tmp/seen"
	tail -n 1 "$tmp/seen" | jq -e '.longest > 2000 and .bad_inner == 0'
	rm "$tmp/seen"
}
check "TCP: joined again on the way in (GRO)" gro
check "TCP: joined again on the way in (GRO), with checksum" gro encap-csum
del m0

# The ports.
shared() { # one socket for all devices, gone with the last one
	fails listens 4754
	add m1 type mqgre "${V4[@]}" key 1 encap fou
	listens 4754
	fails listens 4754 -6
	add m2 type mqgre "${V4[@]}" key 2 encap fou
	add m3 type mqgre local fd01::1 remote fd01::2 key 2 encap fou
	listens 4754 -6
	del m1
	listens 4754
	del m3
	fails listens 4754 -6
	ip -n "$A" link set m2 type mqgre encap none
	fails listens 4754
	ip -n "$A" link set m2 type mqgre encap fou encap-dport 5002
	listens 5002
	ip -n "$A" link set m2 type mqgre encap-dport 5003
	listens 5003
	fails listens 5002
	ip -n "$A" link set m2 type mqgre local fd01::1 remote fd01::2
	fails listens 5003
	listens 5003 -6
	del m2
	fails listens 5003 -6
	add m1 type mqgre external encap fou
	listens 4754
	listens 4754 -6
	del m1
	fails listens 4754
	fails listens 4754 -6
}
check "a port is open while a device needs it" shared

taken() { # somebody else has the port
	ip -n "$A" fou add port 4754 ipproto 47
	check_refused "a port that fou has" "4754 is in use" \
		ip -n "$A" link add m1 type mqgre "${V4[@]}" encap fou
	fails ip -n "$A" link show m1 2>/dev/null
	ip -n "$A" link add m1 type mqgre "${V4[@]}" encap fou encap-dport 5004
	check_refused "change: a port that fou has" "4754 is in use" \
		ip -n "$A" link set m1 type mqgre encap-dport 4754
	check "the device is as it was" listens 5004
	ip -n "$A" fou del port 4754
	ip -n "$A" link set m1 type mqgre encap-dport 4754
	check "a port that fou has given up" listens 4754
	check_refused "fou: a port that mqgre has" "in use|exists" \
		ip -n "$A" fou add port 4754 ipproto 47
	ip -n "$A" link del m1
	check "fou takes it again" ip -n "$A" fou add port 4754 ipproto 47
	ip -n "$A" fou del port 4754
}
taken

no_device() { # what comes to the port and is no tunnel's is dropped
	add m1 type mqgre "${V4[@]}" key 99 encap fou
	ip -n "$A" link set m1 up
	local before after
	before=$(stat "$A" m1 rx_packets)
	ip -n "$B" link del t0 2>/dev/null || true
	tunnel "$B" t0 gretap 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 key 7 \
		encap fou encap-sport auto encap-dport 4754
	no_ping "$B" 10.2.0.1
	after=$(stat "$A" m1 rx_packets)
	[[ $before == "$after" ]]
	in_ns "$A" nstat -az UdpInErrors UdpRcvbufErrors
	[[ $(in_ns "$A" ss -Hlun4 "sport = :4754" | awk '{ print $2 }') == 0 ]]
	del m1
}
check "packets for no tunnel are not queued" no_device

netns_exit() { # a namespace ends with its devices, under traffic
	local pid
	new_ns C
	ip link add c0 netns "$B" type veth peer name eth0 netns "$C"
	ip -n "$B" addr add 10.9.0.2/24 dev c0
	ip -n "$C" addr add 10.9.0.1/24 dev eth0
	ip -n "$B" link set c0 up
	ip -n "$C" link set eth0 up
	ip -n "$C" link add m0 type mqgre local 10.9.0.1 remote 10.9.0.2 key 7 encap fou
	ip -n "$C" addr add 10.2.0.1/24 dev m0
	ip -n "$C" link set m0 up
	ip -n "$B" link del t0 2>/dev/null || true
	tunnel "$B" t0 gretap 10.2.0.2 local 10.9.0.2 remote 10.9.0.1 key 7 \
		encap fou encap-sport auto encap-dport 4754
	pings "$B" 10.2.0.1
	in_ns "$B" ping -q -f -w 2 10.2.0.1 >/dev/null 2>&1 &
	pid=$!
	sleep 0.5
	ip netns del "$C"
	wait "$pid" || true
	ip -n "$B" link del t0
}
check "a namespace ends with its UDP devices under traffic" netns_exit

unload() { # the module goes and comes under traffic
	local pid
	link_up 4 key 7 -- key 7
	in_ns "$B" ping -q -f -w 8 10.2.0.1 >/dev/null 2>&1 &
	pid=$!
	for _ in 1 2 3 4 5; do
		sleep 0.2
		rmmod mq_gre
		fails listens 4754
		load_kind
		tunnel "$A" m0 mqgre 10.2.0.1 "${V4[@]}" key 7 encap fou
		pings "$A" 10.2.0.2
	done
	kill "$pid" 2>/dev/null || true
	wait "$pid" || true
}
check "rmmod and insmod under traffic" unload

ksft_end
