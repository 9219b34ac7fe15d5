#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# vpcctl doctor on a living host: what stands in the way of lanes is found, and
# only that; --fix mends what interrupts nothing, and what it says undoes it.
# What each check makes of which host is tested with made-up ones (cargo test).
#
#	tap0 (2 queues) --- br0 --- gre7 (mqgre or gretap) --- up0: 4 queues
#	                                                       up1, away

. "$(dirname -- "$0")/lib.sh"

need_nic
vpcctl=$here/../build/bin/vpcctl
[[ -x $vpcctl ]] || ksft_skip_all "needs build/bin/vpcctl"

affinities() { grep -H . /proc/irq/*/smp_affinity_list; }
queue_maps() { grep -H . /sys/class/net/up0/queues/*/{xps,rps}_cpus; }
put_back() { # put_back FILE: lines of both
	local path value
	while IFS=: read -r path value; do
		[[ $(<"$path") == "$value" ]] || echo "$value" >"$path"
	done <"$1"
}

cleanup() {
	put_back "$tmp/affinities"
	put_back "$tmp/queue_maps"
	nft delete table inet ksft_state
	nft delete table inet lanes_untracked
	ip link del tap0
	ip link del gre7
	ip link del br0
	ip addr flush dev up0
	ip link set up0 down
	ip link set up1 down
}

affinities >"$tmp/affinities"
queue_maps >"$tmp/queue_maps"
load_kind
modprobe -a tun vhost_net ip_gre
ip addr add 10.1.0.1/24 dev up0
ip link set up0 up
ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev up0
ip link add br0 type bridge
ip link set br0 up
ip tuntap add tap0 mode tap multi_queue
ip link set tap0 master br0 txqueuelen 10000 up
P2P=(local 10.1.0.1 remote 10.1.0.2 key 7)
ip link add gre7 type mqgre "${P2P[@]}"
ip link set gre7 master br0 up

# Exit status 1 is what it has to say about the host, not a failure.
doctor() {
	local status=0
	"$vpcctl" doctor --json "$@" >"$tmp/report" || status=$?
	((status <= 1)) || return "$status"
	jq -e --argjson status "$status" '(.summary.problem > 0) == ($status == 1)' \
		"$tmp/report" >"$tmp/ignored" || { echo "status $status"; return 1; }
}

# says CHECK SUBJECT SEVERITY [PATTERN]: the doctor, of this host as it is now.
says() {
	doctor
	finding "$@"
}
finding() {
	jq --arg check "$1" --arg subject "$2" \
		'.findings[] | select(.check == $check and .subject == $subject)' \
		"$tmp/report" | tee "$tmp/finding"
	jq -e --arg severity "$3" --arg pattern "${4:-}" \
		'.severity == $severity and (.found | test($pattern))' "$tmp/finding"
}
# fixed COMMAND: among what --fix says that it did.
fixed() {
	jq .fixed "$tmp/report"
	jq -e --arg command "$1" \
		'any(.fixed[]; .command == $command and .error == null)' "$tmp/report"
}
undo() { jq -r '.fixed[] | select(.undo != "") | .undo' "$tmp/report" | bash -e; }

uplink_is() {
	doctor "$@"
	jq .uplinks "$tmp/report"
	jq -e '.uplinks == ["up0"]' "$tmp/report"
}
check "the uplink is where the remote's packets leave" uplink_is
check "the uplink is the one that was named" uplink_is --uplink up0
check "a queue of the uplink for each CPU" says queues up0 ok "^$LANES_QUEUES queues"
check "mqgre is well" says gre-port gre7 ok mqgre
check "nothing is tracked" says conntrack host ok
check "modules that are loaded" says modules mq_gre ok
check "tun can be redirected" says tun-redirect tun ok

check_refused "an uplink that is not there" "no such device" "$vpcctl" doctor --uplink nope
status=0
"$vpcctl" doctor --uplink nope >"$tmp/out" 2>&1 || status=$?
check "wrong usage is status 2" test "$status" = 2

# In the words of people: what is marked with * is what --fix does.
words() {
	"$vpcctl" doctor >"$tmp/out" || [[ $? == 1 ]]
	cat "$tmp/out"
	grep -qx 'Taps and VMs' "$tmp/out"
	grep -q '^  warning  tap-queue-len: tap0: 500 packets' "$tmp/out"
	grep -q '\* ip link set dev tap0 txqueuelen 10000' "$tmp/out"
}
check "a long tap queue" says tap-queue-len tap0 ok '^10000 packets'
ip link set tap0 txqueuelen 500
check "a short tap queue" says tap-queue-len tap0 warning '^500 packets'
check "a short tap queue, in words" words

rps=/sys/class/net/up0/queues/rx-1/rps_cpus
check "RPS is off" says rps up0 ok
echo 1 >$rps
check "RPS on the uplink" says rps up0 warning

# The NICs here have an interrupt for each queue; all of them move to CPU 0.
all_on_one() {
	local irq
	for irq in $(awk '$NF ~ /^up0-(rx|tx|TxRx)/ { print $1 + 0 }' /proc/interrupts); do
		echo 0 >"/proc/irq/$irq/smp_affinity_list"
	done
}
if [[ $LANES_NIC == igb ]]; then
	check "interrupts on all CPUs" says irq up0 ok
	all_on_one
	check "interrupts on one CPU" says irq up0 warning 'on 1 CPU$'
	check "small rings" says rings up0 warning '^receive 256 of 4096'
fi

affinities >"$tmp/before"
mended() {
	doctor --fix
	fixed "ip link set dev tap0 txqueuelen 10000"
	fixed "echo 0 >$rps"
	finding tap-queue-len tap0 ok
	finding rps up0 ok
	finding irq up0 ok
	grep -x 10000 /sys/class/net/tap0/tx_queue_len
	grep -x 0 $rps
}
check "--fix mends them, and says so" mended
untouched() {
	jq -e 'all(.fixed[].command; test("ethtool|nft|tc ") | not)' "$tmp/report"
	[[ $LANES_NIC != igb ]] || finding rings up0 warning
}
check "--fix leaves alone what would interrupt" untouched
undone() {
	undo
	grep -x 500 /sys/class/net/tap0/tx_queue_len
	grep -x 1 $rps
	affinities | diff "$tmp/before" -
}
check "what it says takes it back" undone
"$vpcctl" doctor --fix >"$tmp/out" || true
nothing_left() {
	doctor --fix
	jq -e '.fixed | length == 0' "$tmp/report"
}
check "--fix has nothing to do the second time" nothing_left

echo 1 >/sys/class/net/up0/queues/tx-1/xps_cpus
check "XPS is no harm to mqgre" says xps up0 note
ip link del gre7
ip link add gre7 type gretap "${P2P[@]}"
ip link set gre7 master br0 up
check "XPS is in the way of gretap" says xps up0 warning
check "gretap itself is" says gre-port gre7 problem 'gretap with the qdisc'
replaced() {
	jq -r '.commands[]' "$tmp/finding"
	jq -r '.commands[]' "$tmp/finding" | bash -e
	says gre-port gre7 ok mqgre
}
says gre-port gre7 problem >"$tmp/ignored"
check "the commands it gives replace it" replaced

# A VM that has stopped before its first instruction.
start_vm() { # start_vm DEVICE-OPTION...
	local IFS=,
	qemu-system-x86_64 -S -nodefaults -display none -m 16 -name lanes-vm -smp 2 \
		-netdev tap,id=net0,ifname=tap0,script=no,downscript=no,vhost=on,queues=2 \
		-device "virtio-net-pci,netdev=net0,romfile=,$*" \
		-qmp "unix:$tmp/qmp,server=on,wait=off" 2>"$tmp/qemu" &
	vm=$!
	ksft_pids+=("$vm")
	until_true 30 grep -x 1 /sys/class/net/tap0/carrier
	until_true 30 greets
}
greets() { # when all of its devices are there
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
sys.exit(not s.recv(1))' "$tmp/qmp"
}
end_vm() {
	kill "$vm"
	wait "$vm" || true
}
if command -v qemu-system-x86_64 >"$tmp/ignored"; then
	start_vm mq=off
	check "a VM that sees one queue of two" says vhost 'lanes-vm net0' problem 'no mq=on'
	check "rings as QEMU makes them" finding vhost-rings 'lanes-vm net0' warning '^to the VM 256'
	end_vm
	start_vm mq=on rx_queue_size=1024
	check "a VM that sees both" says vhost 'lanes-vm net0' ok '^vhost, 2 queues'
	check "long rings" finding vhost-rings 'lanes-vm net0' ok '^to the VM 1024'
	check "the guest uses one yet" finding tap-queues tap0 note '^1 queue in use'
	end_vm
else
	skip "what VMs are started with" "needs qemu-system-x86_64"
fi

# With rules that look at states, the outer packets of both ways are tracked.
nft -f - <<-'EOF'
	table inet ksft_state {
		chain input { type filter hook input priority filter; ct state new accept; }
	}
EOF
# One packet out, an ARP request, and one in, by the wire from up1.
outer_packets() { # outer_packets OUTPUT
	ip link set gre7 type mqgre output "$1"
	ping -q -c 1 -W 0.2 -I br0 10.9.0.2 || true
	PYTHONPATH=$here python3 - "$(</sys/class/net/up0/address)" <<-'EOF'
		import sys
		import wire
		frame = b"\xff" * 6 + wire.mac("02:00:00:00:00:08") + b"\x88\xb5" + bytes(46)
		packet = wire.ip("10.1.0.2", "10.1.0.1", wire.gre(frame, key=7))
		head = wire.mac(sys.argv[1]) + wire.mac("02:00:00:00:00:02") + b"\x08\x00"
		wire.Linear("up1").send(head + packet)
	EOF
}
received() { (($(</sys/class/net/gre7/statistics/rx_packets) > $1)); }
ip link set up1 up
for dev in up0 up1; do until_true 20 grep -qx 1 "/sys/class/net/$dev/carrier"; done
ip addr add 10.9.0.1/24 dev br0
tracked() {
	outer_packets auto
	until_true 10 received 0
	says conntrack host warning '^1 connection'
}
check "tracked outer packets" tracked
untracked() {
	local before
	jq -r '.commands[]' "$tmp/finding" | bash -e
	conntrack -D -p gre
	before=$(</sys/class/net/gre7/statistics/rx_packets)
	outer_packets direct
	until_true 10 received "$before"
	says conntrack host ok
}
check "the rules it gives, and output direct, untrack them" untracked

# What a user may not look at is not said to be well.
unseen() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$vpcctl" doctor --json \
		>"$tmp/report" || [[ $? == 1 ]]
	finding conntrack host unknown 'for root only'
	jq -e '.summary.unknown > 0' "$tmp/report"
}
check "what a user may not see is said" unseen

ksft_end
