/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of the store. */
#pragma once
#include "apply/store.h"

/* Removes files whose writing was cut off. Lock held. */
void store_clean(const struct store *store);

/* Writes down the name of our namespace, and removes the folders of namespaces that are gone. */
void store_sweep(const struct store *store);
