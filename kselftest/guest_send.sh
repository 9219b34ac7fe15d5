#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: guest_send.sh TAP QUEUES DST-MAC FLOWS FRAMES LENGTH
#
# Plays a VM as tap_send.py does, by being one: QEMU with vhost-net and a
# multiqueue network card on TAP. In it the kernel that runs here, and of other
# things no more than `inguest` and what it needs. What the VM's kernel says is a
# diagnostic line on standard error.

set -euo pipefail
here=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
tap=$1 queues=$2
build=$here/../build
work=$(mktemp -d "${TMPDIR:-/tmp}/guest.XXXXXX")
shift

# make_initramfs FILE ARGUMENT...: the program, its libraries, the card's driver.
make_initramfs() {
	local root=$work/root file
	mkdir -p "$root"/{bin,modules,sys}
	cp "$(type -P busybox)" "$build/bin/inguest" "$root/bin/"
	cp "$here/guest_init.sh" "$root/init"
	echo "${@:2}" >"$root/arguments"
	ldd "$build/bin/inguest" | grep -o '/[^ ]*' | while read -r file; do
		install -D "$file" "$root$file"
	done
	modprobe --show-depends virtio_net | awk '$1 == "insmod" { print $2 }' |
		while read -r file; do
			cp "$file" "$root/modules/"
			basename "$file" >>"$root/modules/list"
		done
	(cd "$root" && find . | busybox cpio -o -H newc) >"$1" 2>/dev/null
}

make_initramfs "$work/initramfs" "$@"
# An emulated CPU has AMD's virtualisation. With it the VM's code is emulated
# once, not by an emulator that is emulated itself.
modprobe -q kvm_amd || modprobe -q kvm_intel || true

options="console=ttyS0 quiet panic=-1 nokaslr mitigations=off ipv6.disable=1"
options+=" no_timer_check tsc=reliable"
# The usual scheduler would drop what an emulated machine is slow to send.
options+=" sysctl.net.core.default_qdisc=pfifo_fast"
# The console is for both: what the kernel says is kept out of the answers.
exec qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
	-machine q35 -accel kvm -accel tcg -cpu max -smp "$queues" -m 256 \
	-netdev "tap,id=net,ifname=$tap,queues=$queues,vhost=on,script=no,downscript=no" \
	-device "virtio-net-pci,netdev=net,mq=on,vectors=$((2 * queues + 2)),mac=02:00:00:00:00:01,romfile=" \
	-kernel "$build/guest/$(uname -r)/vmlinuz" -initrd "$work/initramfs" \
	-append "$options" -serial stdio \
	> >(sed -un 's/\r$//; /^\(ready\|done\|[0-9 ]\+\)$/ { p; d }; s/^/# guest: /w /dev/stderr') 2>&1
