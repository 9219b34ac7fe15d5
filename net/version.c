// SPDX-License-Identifier: GPL-2.0
/* The version that modinfo shows: `module!` has no word for it. */
#include <linux/module.h>

MODULE_INFO(version, LANES_VERSION);
