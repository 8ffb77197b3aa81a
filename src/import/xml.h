/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As much of XML as libvirt writes: elements, attributes, text; no declarations of types. */
#pragma once
#include "base/arena.h"
#include "base/diag.h"

struct xml_attribute {
	const char *name, *value;
	struct xml_attribute *next;
};

struct xml_node {
	const char *name; /* with its prefix: "dnsmasq:options" */
	const char *text; /* what stands directly in it, blanks around taken away */
	uint32_t line;
	struct xml_attribute *attributes;
	struct xml_node *first, *last, *next;
};

/* The root element, in `arena`; NULL: it is no such XML, which is an error in diag. */
struct xml_node *xml_read(const char *file, const char *bytes, size_t size, struct arena *arena,
			  struct diag *diag);

/* It is UTF-8 without controls, as all attributes are; texts need not be. */
bool xml_plain(const char *text, struct arena *arena);

const char *xml_get(const struct xml_node *node, const char *attribute);	 /* NULL: none */
const struct xml_node *xml_child(const struct xml_node *node, const char *name); /* NULL: none */
