/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms of batch sizes, as SVG. */
#ifndef XENBATCH_PLOT_H
#define XENBATCH_PLOT_H

#include <stdio.h>

#include "stats.h"

/* As many as there are colours that can be told apart. */
#define PLOT_MAX_ARMS	6

struct plot_arm {
	char label[48];
	struct vcpu_stats total;
};

/* A panel for each kind of batch; the arms stand side by side. */
void plot_svg(FILE *f, const char *title, const struct plot_arm *arm, unsigned int nr_arms);

#endif /* XENBATCH_PLOT_H */
