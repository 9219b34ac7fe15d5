// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of packets to a VM, chosen in place of the stock tun driver.
 *
 * ftrace patches the driver's ndo_select_queue once, with the first tap that
 * wants it, and takes the patch back when the driver or this module goes. Which
 * taps it is for is decided here, packet by packet: enabling or disabling one
 * patches nothing. For all others the original runs as if nothing had been.
 *
 * What a tap is managed by hangs on its ingress hook; a tap without hooks costs
 * one load.
 */
#include "tap.h"

#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "helpers.h"

static DEFINE_MUTEX(vpcnet_redirect_lock);
static void (*vpcnet_tun_changed)(bool live);

#if defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) && defined(CONFIG_NETFILTER_INGRESS) && \
	(defined(CONFIG_X86_64) || defined(CONFIG_ARM64))

static vpcnet_select_t *vpcnet_select;
static nf_hookfn *vpcnet_hook;
static bool vpcnet_attached;

/*
 * Runs in place of the original, with the answer as third argument: so it needs
 * nothing that may have gone since it was found.
 */
static noinline notrace u16 vpcnet_selected(struct net_device *dev, struct sk_buff *skb,
					    unsigned long queue)
{
	return queue;
}

static __always_inline void vpcnet_set_third_argument(struct ftrace_regs *fregs, unsigned long value)
{
#ifdef CONFIG_X86_64
	arch_ftrace_regs(fregs)->regs.dx = value;
#else
	arch_ftrace_regs(fregs)->regs[2] = value;
#endif
}

static noinline notrace int vpcnet_select_managed(struct net_device *dev, struct sk_buff *skb)
{
	const struct nf_hook_entries *hooks;
	int i, queue = -1;
	bool entered;

	/* Off already for all but packet sockets that go around the qdisc. */
	entered = vpcnet_bh_enter();
	rcu_read_lock();
	hooks = rcu_dereference(dev->nf_hooks_ingress);
	for (i = 0; hooks && i < hooks->num_hook_entries; i++) {
		if (hooks->hooks[i].hook == vpcnet_hook) {
			queue = vpcnet_select(hooks->hooks[i].priv, dev, skb);
			break;
		}
	}
	rcu_read_unlock();
	if (unlikely(entered))
		vpcnet_bh_leave();
	return queue;
}

/*
 * The function is on the way of the tap's packets only, and nothing here leads
 * back to it: no guard against recursion is needed.
 */
static notrace void vpcnet_redirect(unsigned long ip, unsigned long parent,
				    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct net_device *dev = (void *)ftrace_regs_get_argument(fregs, 0);
	int queue;

	if (likely(!rcu_access_pointer(dev->nf_hooks_ingress)))
		return;
	queue = vpcnet_select_managed(dev, (void *)ftrace_regs_get_argument(fregs, 1));
	if (queue < 0)
		return;
	vpcnet_set_third_argument(fregs, queue);
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)vpcnet_selected);
}

/* PERMANENT: as long as it is there, ftrace cannot be disabled under it. */
static struct ftrace_ops vpcnet_redirect_ops = {
	.func = vpcnet_redirect,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static enum vpcnet_redirect_state vpcnet_attach(unsigned long ip)
{
	int err;

	err = ftrace_set_filter_ip(&vpcnet_redirect_ops, ip, 0, 0);
	if (err)
		return err == -ENOMEM ? VPCNET_REDIRECT_FAILED : VPCNET_REDIRECT_UNTRACEABLE;
	err = register_ftrace_function(&vpcnet_redirect_ops);
	if (!err) {
		vpcnet_attached = true;
		return VPCNET_REDIRECT_ON;
	}
	ftrace_free_filter(&vpcnet_redirect_ops);
	return err == -EBUSY ? VPCNET_REDIRECT_TAKEN : VPCNET_REDIRECT_FAILED;
}

enum vpcnet_redirect_state vpcnet_redirect_attach(const struct net_device *tap,
						  vpcnet_select_t *select, nf_hookfn *hook)
{
	enum vpcnet_redirect_state state = VPCNET_REDIRECT_ON;

	if (!tap->netdev_ops->ndo_select_queue)
		return VPCNET_REDIRECT_NO_FUNCTION;
	mutex_lock(&vpcnet_redirect_lock);
	if (!vpcnet_attached) {
		vpcnet_select = select;
		vpcnet_hook = hook;
		state = vpcnet_attach((unsigned long)tap->netdev_ops->ndo_select_queue);
	}
	mutex_unlock(&vpcnet_redirect_lock);
	return state;
}

/* Nobody is in the callback or about to be when it returns; may take a while. */
void vpcnet_redirect_detach(void)
{
	mutex_lock(&vpcnet_redirect_lock);
	if (vpcnet_attached) {
		unregister_ftrace_function(&vpcnet_redirect_ops);
		ftrace_free_filter(&vpcnet_redirect_ops);
		vpcnet_attached = false;
	}
	mutex_unlock(&vpcnet_redirect_lock);
}

#else

enum vpcnet_redirect_state vpcnet_redirect_attach(const struct net_device *tap,
						  vpcnet_select_t *select, nf_hookfn *hook)
{
	return VPCNET_REDIRECT_UNSUPPORTED;
}

void vpcnet_redirect_detach(void)
{
}

#endif

/* No tap is left when the driver goes, and its text is still there. */
static int vpcnet_module_event(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;

	if (strcmp(module->name, "tun"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_LIVE)
		vpcnet_tun_changed(true);
	if (state == MODULE_STATE_GOING) {
		vpcnet_redirect_detach();
		vpcnet_tun_changed(false);
	}
	return NOTIFY_DONE;
}

static struct notifier_block vpcnet_module_block = {
	.notifier_call = vpcnet_module_event,
};

int vpcnet_tun_watch(void (*changed)(bool live))
{
	int err;

	vpcnet_tun_changed = changed;
	err = register_module_notifier(&vpcnet_module_block);
	if (!err)
		changed(true);
	return err;
}

void vpcnet_tun_unwatch(void)
{
	unregister_module_notifier(&vpcnet_module_block);
	vpcnet_redirect_detach();
}
