// SPDX-License-Identifier: GPL-2.0
/*
 * Takes the parameter "function" as one that redirects it would: of such, ftrace
 * lets in a single one. A kprobe with a post handler is one of them, and changes
 * nothing.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char *function;
module_param(function, charp, 0);

static void redirect_other_post(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe redirect_other_probe = {
	.post_handler = redirect_other_post,
};

static int __init redirect_other_init(void)
{
	redirect_other_probe.symbol_name = function;
	return register_kprobe(&redirect_other_probe);
}
module_init(redirect_other_init);

static void __exit redirect_other_exit(void)
{
	unregister_kprobe(&redirect_other_probe);
}
module_exit(redirect_other_exit);

MODULE_DESCRIPTION("Takes a function that another wants to redirect");
MODULE_LICENSE("GPL");
