/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import/import.h"

extern const struct import_format import_ifcfg, import_interfaces, import_libvirt, import_netplan,
	import_networkd;

const struct import_format *const import_formats[] = {
	&import_ifcfg, &import_interfaces, &import_libvirt, &import_netplan, &import_networkd, NULL,
};
