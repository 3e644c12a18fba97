#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Lives until dom0 destroys the guest.
echo "dom0: ready"
exec sleep 100000
