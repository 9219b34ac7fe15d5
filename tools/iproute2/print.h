/* SPDX-License-Identifier: GPL-2.0 */
/* How the options of a device are shown. */
#ifndef MQGRE_PRINT_H
#define MQGRE_PRINT_H

#include "../../net/if_mqgre.h"
#include "options.h"

/* Highest attribute that is looked at. */
#define MQGRE_MAX IFLA_MQGRE_NVGRE

/* Prints text or JSON, whichever the user asked for. */
void mqgre_print(const struct options *o);

#endif
