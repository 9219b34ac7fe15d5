#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The first process of the VM that guest_send.sh boots: gives the network card an
# address, and becomes the program that sends and counts.

b=/bin/busybox
read -r queues far flows frames length </arguments
$b mount -t sysfs sysfs /sys
while read -r module; do
	$b insmod "/modules/$module"
done </modules/list
# The other side reads and writes lines, and no more.
$b stty -echo -onlcr
$b ip addr add 10.2.0.1/24 dev eth0
$b ip link set eth0 up
# Nobody asks for an address: it would be counted.
$b arp -i eth0 -s 10.2.0.2 "$far"
exec /bin/inguest "$queues" 10.2.0.2 "$flows" "$frames" "$length"
