/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's XML: any bytes as a network. What is refused says why; what is taken prints as YAML
 * that reads again.
 *
 * covers: src/import/xml.c src/import/libvirt.c
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "import/import.h"

const char fuzz_name[] = "libvirt";
const unsigned int fuzz_sample = 20000;
const size_t fuzz_most = 4096;

extern const struct import_format import_libvirt;

static void check_device(const struct import_device *device, struct arena *arena)
{
	struct text printed TEXT_CLEANUP = {0};
	struct yaml_node *again;
	struct diag diag = {0};

	if (!device->map->first)
		return;
	yaml_write(device->map, &printed);
	FUZZ_CHECK(yaml_read("again", text_get(&printed), printed.size, arena, &again, &diag) == 0);
	diag_fini(&diag);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1);
	struct diag diag = {0};
	struct arena arena;
	struct import import = {.arena = &arena, .diag = &diag, .file = "fuzz.xml"};

	FUZZ_CHECK(copy);
	memcpy(copy, bytes, size);
	copy[size] = 0;
	arena_init(&arena);
	/* as a file is read: to its first NUL */
	import_libvirt.read(&import, copy, strlen(copy));
	FUZZ_CHECK(!diag.error_count || !import.len);
	for (size_t i = 0; i < diag.error_count; i++)
		check_err(&diag.errors[i]);
	for (size_t i = 0; i < diag.warning_count; i++)
		check_err(&diag.warnings[i]);
	for (size_t i = 0; i < import.len; i++)
		check_device(&import.devices[i], &arena);
	diag_fini(&diag);
	arena_fini(&arena);
	free(copy);
}

void fuzz_seeds(struct seeds *seeds)
{
	static const char *const forwards[] = {
		"", "<forward/>", "<forward mode='route' dev='e0'/>",
		"<forward mode='open'><nat ipv6='yes'/></forward>",
		"<forward mode='bridge'><interface dev='e'/></forward>"};
	static const char *const words[] = {"<!--",
					    "-->",
					    "<?",
					    "?>",
					    "<![CDATA[",
					    "]]>",
					    "&amp;",
					    "&#x10ffff;",
					    "</",
					    "/>",
					    "family='ipv6'",
					    "fd57::1",
					    "<dns enable='no'/>",
					    "<portgroup name='a'/>",
					    "stp='off'"};

	for (size_t i = 0; i < sizeof(forwards) / sizeof(forwards[0]); i++) {
		struct text text TEXT_CLEANUP = {0};

		text_add(&text,
			 "<?xml version='1.0'?><!-- x --><network><name>a&amp;b</name>%s"
			 "<bridge name='virbr0' stp='on' delay='0'/><mac "
			 "address='02:00:00:00:00:01'/>"
			 "<mtu size='1400'/><domain name='x.example'/><dns><host "
			 "ip='10.0.0.2'/></dns>"
			 "<ip address='10.0.0.1' netmask='255.255.255.0'><dhcp>"
			 "<range start='10.0.0.2' end='10.0.0.9'/><range start='10.0.0.12' "
			 "end='10.0.0.19'/><host mac='02:00:00:00:00:02' name='v.x' "
			 "ip='10.0.0.10'/></dhcp></ip><ip family='ipv6' address='fd57::1' "
			 "prefix='64'/><route address='10.1.0.0' prefix='16' gateway='10.0.0.3'/>"
			 "<bandwidth><inbound average='100' peak='2'/><outbound average='7'/>"
			 "</bandwidth></network>",
			 forwards[i]);
		seed_text(seeds, &text);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		seed_word(seeds, words[i]);
}
