// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the kernel complain on loading, so that the test of scripts/vm can
 * see that a complaint is noticed: complain.ko what=warn|bug|refcount
 */
#include <linux/bug.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/string.h>

static char *what = "warn";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warn, bug, or refcount");

static int __init complain_init(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	if (!strcmp(what, "warn"))
		WARN(1, "complain: a deliberate warning\n");
	else if (!strcmp(what, "bug"))
		BUG();
	else if (!strcmp(what, "refcount"))
		refcount_inc(&r);
	else
		return -EINVAL;
	return 0;
}

static void __exit complain_exit(void)
{
}

module_init(complain_init);
module_exit(complain_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Deliberate kernel complaints, for tests");
