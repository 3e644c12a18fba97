/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms of batch sizes, as SVG. */
#ifndef XENBATCH_PLOT_H
#define XENBATCH_PLOT_H

#include <stdio.h>

#include "stats.h"

/* How many colours there are. */
#define PLOT_MAX_ARMS	6

struct plot_arm {
	char label[48];
	struct vcpu_stats total;
};

/* Draws a panel for each kind of batch, with the arms side by side. */
void plot_svg(FILE *f, const char *title, const struct plot_arm *arm, unsigned int nr_arms);

#endif /* XENBATCH_PLOT_H */
