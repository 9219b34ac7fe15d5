# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What all tests share: TAP 13 output, namespaces, and the stock tools around
# them. A test sources this file, calls check and its relatives for each
# result, and ends with ksft_end.

set -euo pipefail

ksft_fail=1
ksft_skip=4

here=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# The kind under test. KIND=gretap tries a test out against the stock driver.
KIND=${KIND:-mqgre}
LANES_NIC=${LANES_NIC:-none}
LANES_MODULES=${LANES_MODULES:-$here/../build/modules/$(uname -r)}
# `ip` finds the plugin for the options here.
export IP_LIB_DIR=${IP_LIB_DIR:-$here/../build/lib}
export LC_ALL=C

ksft_count=0
ksft_failed=0
ksft_skipped=0
ksft_ended=
ksft_ns=()
ksft_pids=()
tmp=$(mktemp -d "${TMPDIR:-/tmp}/ksft.XXXXXX")

# ksft_cleanup: the EXIT trap. A test that dies half way is a failed test.
ksft_cleanup() {
	local status=$? pid name
	trap '' INT TERM
	set +e
	if declare -F cleanup >/dev/null; then
		cleanup >/dev/null 2>&1
	fi
	for pid in "${ksft_pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for name in "${ksft_ns[@]}"; do
		ip netns pids "$name" 2>/dev/null | xargs -r kill -9
		ip netns del "$name" 2>/dev/null
	done
	rm -rf -- "$tmp"
	if [[ -z $ksft_ended ]]; then
		echo "not ok $((ksft_count + 1)) - the test reached its end (status $status)"
		echo "1..$((ksft_count + 1))"
		exit "$ksft_fail"
	fi
}
trap ksft_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'echo "# stopped at line $LINENO: $BASH_COMMAND"' ERR

# A neighbour that is known is not asked again: that would be a packet more, if
# a test takes longer than five seconds. What new devices have is said outside.
sysctl -qw net.ipv4.neigh.default.delay_first_probe_time=100000 \
	net.ipv6.neigh.default.delay_first_probe_time=100000 2>/dev/null || true

echo "TAP version 13"

# note TEXT...: a diagnostic line.
note() { printf '# %s\n' "$*"; }

pass() {
	ksft_count=$((ksft_count + 1))
	echo "ok $ksft_count - $1"
}

# fail NAME [TEXT]: a failed result, and TEXT (may have many lines) below it.
fail() {
	ksft_count=$((ksft_count + 1))
	ksft_failed=$((ksft_failed + 1))
	echo "not ok $ksft_count - $1"
	[[ -z ${2:-} ]] || sed 's/^/# /' <<<"$2"
}

skip() {
	ksft_count=$((ksft_count + 1))
	ksft_skipped=$((ksft_skipped + 1))
	echo "ok $ksft_count - $1 # SKIP $2"
}

# ksft_skip_all WHY: the whole test cannot run here.
ksft_skip_all() {
	ksft_ended=1
	echo "1..0 # SKIP $*"
	exit "$ksft_skip"
}

# ksft_end: the plan, and the exit status.
ksft_end() {
	ksft_ended=1
	echo "1..$ksft_count"
	((ksft_failed == 0)) || exit "$ksft_fail"
	((ksft_count > ksft_skipped)) || exit "$ksft_skip"
	exit 0
}

# check NAME COMMAND...: passes if COMMAND, in a subshell where every failure
# ends it, succeeds. Its output is shown only if it fails.
check() {
	local name=$1 status
	shift
	set +e
	trap - ERR
	(
		trap 'echo "failed at line $LINENO: $BASH_COMMAND" >&2' ERR
		trap - EXIT
		set -eE
		"$@"
	) >"$tmp/out" 2>&1
	status=$?
	set -e
	trap 'echo "# stopped at line $LINENO: $BASH_COMMAND"' ERR
	if ((status == 0)); then
		pass "$name"
	else
		fail "$name" "status $status from: $*"$'\n'"$(tail -n 25 "$tmp/out")"
	fi
}

# check_refused NAME PATTERN COMMAND...: passes if COMMAND fails and says what
# the extended regular expression PATTERN says (case does not matter).
check_refused() {
	local name=$1 pattern=$2 status=0
	shift 2
	"$@" >"$tmp/out" 2>&1 || status=$?
	if ((status == 0)); then
		fail "$name" "was not refused: $*"
	elif ! grep -qiE -- "$pattern" "$tmp/out"; then
		fail "$name" "no \"$pattern\" in what this said: $*"$'\n'"$(cat "$tmp/out")"
	else
		pass "$name"
	fi
}

# results PREFIX PROGRAM [ARG...]: its lines "PASS NAME" and "FAIL NAME: WHY"
# become results.
results() {
	local prefix=$1 word name status=0
	shift
	"$@" >"$tmp/results" 2>"$tmp/err" || status=$?
	while read -r word name; do
		case $word in
		PASS) pass "$prefix: $name" ;;
		FAIL) fail "$prefix: ${name%%: *}" "${name#*: }" ;;
		*) note "$word $name" ;;
		esac
	done <"$tmp/results"
	((status == 0)) || fail "$prefix: the program ends well" "$(<"$tmp/err")"
}

# new_ns VAR...: makes a namespace for each, and puts its name into VAR.
# IPv6 is off, so that nothing but the test sends packets.
new_ns() {
	local var name
	for var in "$@"; do
		name=ksft-${var,,}-$$
		ip netns add "$name"
		ksft_ns+=("$name")
		printf -v "$var" %s "$name"
		ip netns exec "$name" sysctl -qw \
			net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
		ip -n "$name" link set lo up
	done
}

# in_ns NS COMMAND...
in_ns() {
	local ns=$1
	shift
	ip netns exec "$ns" "$@"
}

# start NS COMMAND...: in the background; ended with the test.
start() {
	local ns=$1
	shift
	ip netns exec "$ns" "$@" &
	ksft_pids+=($!)
}

# fails COMMAND...: succeeds if it does not. (A bare "! COMMAND" would go by
# unnoticed in the middle of a function: set -e makes an exception for it.)
fails() {
	if "$@"; then
		echo "this should have failed: $*"
		return 1
	fi
}

# until_true SECONDS COMMAND...: tries until it succeeds.
# A machine that stood still in between has not tried yet.
until_true() {
	local tries=$(($1 * 10)) end=$((SECONDS + $1 * 6))
	shift
	until "$@" >/dev/null 2>&1; do
		((tries-- > 0 || SECONDS < end)) || { echo "timed out: $*"; return 1; }
		sleep 0.1
	done
}

# load_kind: the module under test is there, loaded.
load_kind() {
	case $KIND in
	mqgre)
		[[ -d /sys/module/mq_gre ]] && return
		# What `modprobe mq_gre` would load first.
		modprobe -a udp_tunnel ip6_udp_tunnel
		insmod "$LANES_MODULES/mq_gre.ko"
		;;
	gretap) modprobe ip_gre ;;
	esac
}

# load_tun_mq [PARAMETER...]: the module of the taps, afresh.
load_tun_mq() {
	# Another test may have left it.
	unload_tun_mq
	# What `modprobe tun_mq` would load first.
	modprobe -a udp_tunnel ip6_udp_tunnel
	insmod "$LANES_MODULES/tun_mq.ko" "$@"
}
unload_tun_mq() { [[ ! -d /sys/module/tun_mq ]] || rmmod tun_mq; }

# veth_pair NS1 DEV1 ADDR1 NS2 DEV2 ADDR2: a wire between two namespaces.
veth_pair() {
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
	ip -n "$1" addr add "$3/24" dev "$2"
	ip -n "$4" addr add "$6/24" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# tunnel NS DEV KIND ADDR OPTION...: a tunnel device, up, with ADDR/24.
tunnel() {
	local ns=$1 dev=$2 kind=$3 addr=$4
	shift 4
	ip -n "$ns" link add "$dev" type "$kind" "$@"
	ip -n "$ns" addr add "$addr/24" dev "$dev"
	ip -n "$ns" link set "$dev" up
}

# counter NS DEV NAME: one line of ethtool -S; 0 where there is none.
counter() {
	in_ns "$1" ethtool -S "$2" 2>/dev/null |
		awk -v n="$3:" '$1 == n { v = $2 } END { print v + 0 }'
}

# stat NS DEV NAME: from `ip -s link` (rx_packets, tx_dropped, ...).
stat() { in_ns "$1" cat "/sys/class/net/$2/statistics/$3"; }

# pings NS ADDR [OPTION...]: three at once, none may be lost. (Sent one by one,
# ping would wait for the last answer no longer than for those before.)
pings() {
	local ns=$1 addr=$2 out
	shift 2
	out=$(in_ns "$ns" ping -q -c 3 -l 3 -i 0.05 -W 10 "$@" "$addr" 2>&1) || true
	echo "$out"
	grep -q ' 0% packet loss' <<<"$out"
}

# replies NS: the echo replies that have come back to NS, by its stack. This is
# what judges a flood: ping -f goes two round trips after its last packet, and
# calls a reply lost that a busy machine brings later.
replies() {
	in_ns "$1" awk '$1 == "Icmp:" && !n { for (n = 2; $n != "InEchoReps"; n++); next }
		$1 == "Icmp:" { print $n }' /proc/net/snmp
}
replies_reach() { (($(replies "$1") >= $2)); }

# listens NS: a server of iperf3 is there.
listens() { in_ns "$1" ss -ltnH 'sport = :5201' | grep -q .; }

# iperf_json NS ADDR OPTION...: what the client says. The server may not be done
# with the one before.
iperf_json() {
	local ns=$1 addr=$2 out status
	shift 2
	for _ in {1..60}; do
		status=0
		out=$(in_ns "$ns" iperf3 -c "$addr" -J "$@") || status=$?
		((status)) && grep -qE 'busy running a test|Connection refused' <<<"$out" || break
		sleep 0.5
	done
	echo "$out"
	return "$status"
}

# iperf NS ADDR OPTION...: must move data, whatever OPTION says of how.
iperf() {
	local ns=$1 addr=$2 amount=(-n 4M) out
	shift 2
	# Room for all of it: a receiver that has no CPU loses nothing.
	[[ ${1:-} != -u ]] || amount=(-n 600K -w 1M)
	out=$(iperf_json "$ns" "$addr" "${amount[@]}" "$@") || {
		echo "$out"
		return 1
	}
	jq -e '.end | (.sum_received // .sum) |
		.bytes >= 300000 and (.lost_percent // 0) < 20' <<<"$out" ||
		{ jq .end <<<"$out"; return 1; }
}

# ipv6_pair NS1 DEV1 ADDR1 NS2 DEV2 ADDR2: IPv6 on two devices, at once usable.
ipv6_pair() {
	local ns dev addr
	while (($#)); do
		ns=$1 dev=$2 addr=$3
		shift 3
		# Other devices stay silent.
		in_ns "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
			net.ipv6.conf.default.disable_ipv6=1
		ip -n "$ns" addr add "$addr/64" dev "$dev" nodad
	done
}

# watches_itself: a kernel of debug.config, which is slow.
watches_itself() { [[ -e /sys/kernel/debug/kmemleak ]]; }

# need_nic: two network cards joined outside, up0 and up1, or no test.
need_nic() {
	[[ $LANES_NIC != none ]] ||
		ksft_skip_all "needs network cards (scripts/vm --nic igb or virtio)"
}

# no_ping NS ADDR: nothing comes back.
no_ping() {
	fails in_ns "$1" ping -q -c 2 -i 0.05 -W 0.5 "$2"
}
