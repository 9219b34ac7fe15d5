# SPDX-License-Identifier: GPL-2.0
#
# The commands of the project. The modules themselves are described in Kbuild.
#
#   make                     build the modules; KDIR=FOLDER or KVER=RELEASE
#   make demo                show that every packet stays in its lane
#   make test                run every test there is
#   make check               style and safety of the source
#   make rust-tests          the pure logic and the tools, on this machine
#   make kselftest [T=NAME]  the tests in a guest, all or those named
#   make test-debug [T=NAME] the tests on a kernel that watches itself: KASAN, lockdep
#   make test-guest          the one with a real VM, which boots in the guest
#   make bench               the three benchmarks, one after the other
#   make bench-gre           what mqgre costs and how it scales; bench/gre --help
#   make bench-tun           what tun_mq saves and costs; bench/tun --help
#   make bench-vpc           what vpc_hook costs; bench/vpc --help
#   make tun-patched         tun with the series in tun_mq/patches; KDIR=FOLDER
#   make test-harness        the test of scripts/vm and its neighbours
#   make test-dkms           lanes-dkms in a new Debian root, ten minutes
#   make check-config        can the modules be built in KDIR, and if not, why
#   make modules_install     install them for KDIR's kernel
#   make dkms-install        have DKMS build and install them; KVER=RELEASE
#   make deb                 Debian packages of modules, DKMS and tools in build/deb
#   make clean               remove what was built (rm -rf build: all)

S := $(CURDIR)/scripts
KDIR ?=
KVER ?=
T ?=
export KVER

.DEFAULT_GOAL := modules
.NOTPARALLEL:

all: modules
modules:
	@$S/build-modules --any $(KDIR)

programs:
	@$S/build-programs

# What a guest needs: the modules for the stock kernel, and the programs.
guest: programs
	@$S/build-modules >/dev/null
	@$S/build-tun-patched >/dev/null
	@$S/build-test-modules
	@$S/make-guest $(KVER) >/dev/null

demo: guest
	@$S/demo

test:
	@$S/run-tests

check:
	@$S/run-checks

rust-tests:
	@cd rust-tests && $S/cargo test --quiet --locked
	@cd tools && $S/cargo test --quiet --locked --workspace

kselftest: guest
	@$S/run-kselftest $(T)

test-guest: guest
	@$S/run-kselftest tunmq_guest

test-debug:
	@$S/run-debug $(T)

test-harness: guest
	@$S/test-harness $(T)

test-dkms: guest
	@$S/test-dkms

bench: bench-gre bench-tun bench-vpc

bench-gre:
	@bench/gre

bench-tun:
	@bench/tun

bench-vpc:
	@bench/vpc

tun-patched:
	@$S/build-tun-patched $(KDIR)

check-config:
	@$S/check-config $(KDIR)

modules_install:
	@$S/build-modules --any --install $(KDIR)

dkms-install:
	@$S/dkms-install $(KVER)

deb:
	@$S/build-deb $(KVER)

clean:
	rm -rf build/deb build/modules build/tun-patched build/bin build/lib build/target

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: all modules programs guest demo test check rust-tests kselftest \
	test-guest test-debug bench bench-gre bench-tun bench-vpc tun-patched test-harness check-config \
	modules_install dkms-install deb test-dkms clean help
