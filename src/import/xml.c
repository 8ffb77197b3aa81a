/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XML 1.0 read strictly, and little of it: what declares types or entities is refused, so nothing
 * grows while it is read; depth is bounded. Numbers in brackets name productions of the standard.
 */
#include "import/xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DEPTH_MOST 32

struct reading {
	const char *at, *end, *file;
	uint32_t line;
	struct arena *arena;
	struct diag *diag;
};

static bool fault(struct reading *reading, const char *what)
{
	struct place place = {.file = reading->file, .line = reading->line};

	if (!reading->diag->error_count)
		diag_error(reading->diag, place, "", "%s", what);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins(const struct reading *reading, const char *word)
{
	size_t size = strlen(word);

	return (size_t)(reading->end - reading->at) >= size && memcmp(reading->at, word, size) == 0;
}

static void step(struct reading *reading, size_t size)
{
	for (; size && reading->at < reading->end; size--)
		reading->line += *reading->at++ == '\n';
}

static void blanks(struct reading *reading)
{
	while (reading->at < reading->end && is_blank(*reading->at))
		step(reading, 1);
}

/* Over all up to and with `word`. */
static bool over(struct reading *reading, const char *word)
{
	while (reading->at < reading->end && !begins(reading, word))
		step(reading, 1);
	if (reading->at == reading->end)
		return fault(reading, "something is not closed; expected its end");
	step(reading, strlen(word));
	return true;
}

/* Comments [15], processing instructions [16], the declaration [23], blanks. */
static bool misc(struct reading *reading)
{
	for (;;) {
		blanks(reading);
		if (begins(reading, "<!--")) {
			if (!over(reading, "-->"))
				return false;
		} else if (begins(reading, "<?")) {
			if (!over(reading, "?>"))
				return false;
		} else {
			return true;
		}
	}
}

/* [5], in ASCII; what is beyond may be a letter. */
static const char *name_read(struct reading *reading)
{
	const char *start = reading->at;

	while (reading->at < reading->end &&
	       (strchr("-._:", *reading->at) || (*reading->at >= '0' && *reading->at <= '9') ||
		(*reading->at >= 'a' && *reading->at <= 'z') ||
		(*reading->at >= 'A' && *reading->at <= 'Z') || (*reading->at & 0x80)) &&
	       *reading->at)
		step(reading, 1);
	return reading->at == start
		       ? NULL
		       : arena_textn(reading->arena, start, (size_t)(reading->at - start));
}

static void utf8_add(struct text *out, unsigned long c)
{
	unsigned char bytes[4] = {
		(unsigned char)(0xf0 | c >> 18), (unsigned char)(0x80 | (c >> 12 & 0x3f)),
		(unsigned char)(0x80 | (c >> 6 & 0x3f)), (unsigned char)(0x80 | (c & 0x3f))};
	size_t from = c < 0x80 ? 3 : c < 0x800 ? 2 : c < 0x10000 ? 1 : 0;

	if (from == 3)
		bytes[3] = (unsigned char)c;
	else if (from == 2)
		bytes[2] = (unsigned char)(0xc0 | c >> 6);
	else if (from == 1)
		bytes[1] = (unsigned char)(0xe0 | c >> 12);
	text_addn(out, (const char *)bytes + from, 4 - from);
}

/* References [66] to characters, and to the five entities that need no declaration. */
static bool reference(struct reading *reading, struct text *out)
{
	static const struct {
		const char *word, *means;
	} entities[] = {
		{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};
	unsigned long c;
	char *end;

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (begins(reading, entities[i].word)) {
			text_add(out, "%s", entities[i].means);
			step(reading, strlen(entities[i].word));
			return true;
		}
	if (!begins(reading, "&#") || reading->end - reading->at < 4)
		return fault(reading,
			     "an entity that nothing declares; expected &amp; and the like");
	c = reading->at[2] == 'x' ? strtoul(reading->at + 3, &end, 16)
				  : strtoul(reading->at + 2, &end, 10);
	if (*end != ';' || end >= reading->end || c < 9 || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		return fault(reading, "a reference to no character");
	utf8_add(out, c);
	step(reading, (size_t)(end - reading->at) + 1);
	return true;
}

bool xml_plain(const char *text, struct arena *arena)
{
	char *tidy = arena_text(arena, text);

	text_tidy(tidy);
	return strcmp(tidy, text) == 0;
}

static bool attribute_read(struct reading *reading, struct xml_node *node)
{
	struct xml_attribute *attribute = arena_make(reading->arena, struct xml_attribute);
	struct text value TEXT_CLEANUP = {0};
	char quote;

	attribute->name = name_read(reading);
	blanks(reading);
	if (!attribute->name || !begins(reading, "="))
		return fault(reading, "expected an attribute, NAME='VALUE'");
	step(reading, 1);
	blanks(reading);
	quote = reading->at < reading->end ? *reading->at : 0;
	if (quote != '\'' && quote != '"')
		return fault(reading, "expected an attribute's value between quotes");
	step(reading, 1);
	while (reading->at < reading->end && *reading->at != quote && *reading->at != '<') {
		if (*reading->at == '&') {
			if (!reference(reading, &value))
				return false;
			continue;
		}
		text_addn(&value, reading->at, 1);
		step(reading, 1);
	}
	if (reading->at == reading->end || *reading->at != quote)
		return fault(reading, "an attribute's value is not closed");
	step(reading, 1);
	attribute->value = arena_text(reading->arena, text_get(&value));
	if (!xml_plain(attribute->value, reading->arena))
		return fault(reading, "an attribute has a control, or a byte that is no UTF-8");
	attribute->next = node->attributes;
	node->attributes = attribute;
	return true;
}

static struct xml_node *element_read(struct reading *reading, unsigned int depth);

static bool text_read(struct reading *reading, struct text *out)
{
	const char *start;

	if (begins(reading, "<![CDATA[")) {
		step(reading, 9);
		start = reading->at;
		if (!over(reading, "]]>"))
			return false;
		text_addn(out, start, (size_t)(reading->at - start) - 3);
		return true;
	}
	if (*reading->at == '&')
		return reference(reading, out);
	text_addn(out, reading->at, 1);
	step(reading, 1);
	return true;
}

static const char *trimmed(struct reading *reading, const char *text)
{
	size_t size;

	while (is_blank(*text))
		text++;
	size = strlen(text);
	while (size && is_blank(text[size - 1]))
		size--;
	return arena_textn(reading->arena, text, size);
}

/* What stands between the tags, and the end tag. */
static bool content_read(struct reading *reading, struct xml_node *node, unsigned int depth)
{
	struct text text TEXT_CLEANUP = {0};
	struct xml_node *child;
	const char *name;

	while (reading->at < reading->end && !begins(reading, "</")) {
		if (begins(reading, "<!--") || begins(reading, "<?")) {
			if (!misc(reading))
				return false;
		} else if (*reading->at == '<' && !begins(reading, "<![CDATA[")) {
			child = element_read(reading, depth + 1);
			if (!child)
				return false;
			*(node->last ? &node->last->next : &node->first) = child;
			node->last = child;
		} else if (!text_read(reading, &text)) {
			return false;
		}
	}
	if (reading->at == reading->end)
		return fault(reading, "an element is not closed; expected its end tag");
	step(reading, 2);
	name = name_read(reading);
	blanks(reading);
	if (!text_same(name, node->name) || !begins(reading, ">"))
		return fault(reading,
			     "an end tag of another element; expected that of the last begun");
	step(reading, 1);
	node->text = trimmed(reading, text_get(&text));
	return true;
}

static struct xml_node *element_read(struct reading *reading, unsigned int depth)
{
	struct xml_node *node = arena_make(reading->arena, struct xml_node);

	if (begins(reading, "<"))
		step(reading, 1);
	node->line = reading->line;
	node->name = name_read(reading);
	node->text = "";
	if (!node->name || depth > DEPTH_MOST) {
		fault(reading, node->name ? "elements stand too deep in each other"
					  : "expected an element, <NAME …>");
		return NULL;
	}
	for (;;) {
		blanks(reading);
		if (begins(reading, "/>")) {
			step(reading, 2);
			return node;
		}
		if (begins(reading, ">")) {
			step(reading, 1);
			return content_read(reading, node, depth) ? node : NULL;
		}
		if (!attribute_read(reading, node))
			return NULL;
	}
}

struct xml_node *xml_read(const char *file, const char *bytes, size_t size, struct arena *arena,
			  struct diag *diag)
{
	struct reading reading = {
		.at = bytes,
		.end = bytes + size,
		.file = file,
		.line = 1,
		.arena = arena,
		.diag = diag,
	};
	struct xml_node *root = NULL;

	if (!misc(&reading))
		return NULL;
	if (begins(&reading, "<!"))
		fault(&reading, "a declaration of types; expected an element");
	else if (!begins(&reading, "<"))
		fault(&reading, "is no XML; expected an element, <NAME …>");
	else
		root = element_read(&reading, 1);
	if (!root || !misc(&reading))
		return NULL;
	if (reading.at < reading.end) {
		fault(&reading, "something stands behind the last element; expected nothing");
		return NULL;
	}
	return root;
}

const char *xml_get(const struct xml_node *node, const char *name)
{
	for (const struct xml_attribute *one = node ? node->attributes : NULL; one; one = one->next)
		if (text_same(one->name, name))
			return one->value;
	return NULL;
}

const struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
	for (const struct xml_node *one = node ? node->first : NULL; one; one = one->next)
		if (text_same(one->name, name))
			return one;
	return NULL;
}
