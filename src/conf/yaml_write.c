/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trees as text, in the form people write descriptions in. */
#include <string.h>

#include "conf/yaml.h"

#define WIDTH 88

/* Words that readers of YAML 1.1 take for truths or nothing. */
static bool is_reserved(const char *text)
{
	static const char *const words[] = {"true", "false", "yes",  "no", "on", "off",
					    "y",    "n",     "null", "~",  NULL};

	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(words[i], text) == 0)
			return true;
	return false;
}

/* A text of these alone, begun by a letter or '/', or by a digit and holding '.' twice or a '/'. */
static bool is_bare(const char *text)
{
	size_t size = strlen(text), dots = 0;

	if (!size || size > 200 ||
	    text[strspn(text,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-")])
		return false;
	if (is_reserved(text))
		return false;
	if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/", text[0]))
		return true;
	for (const char *at = text; *at; at++)
		dots += *at == '.';
	return text[0] >= '0' && text[0] <= '9' && (dots > 1 || strchr(text, '/'));
}

/*
 * What a reader takes for the end of a line, or does not take at all (YAML 1.1, section 5.1): as
 * UTF-8, and escaped. How many bytes of the text it is; 0: it may stand there as it is.
 */
static size_t write_escape(const char *text, struct text *out)
{
	static const char *const escapes[][2] = {
		{"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"},
		{"\xef\xbb\xbf", "\\ufeff"}, {"\xef\xbf\xbe", "\\ufffe"},
		{"\xef\xbf\xbf", "\\uffff"},
	};
	unsigned char byte = (unsigned char)text[0], next = byte ? (unsigned char)text[1] : 0;

	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
		if (text_starts(text, escapes[i][0])) {
			text_add(out, "%s", escapes[i][1]);
			return 3;
		}
	if (byte == '"' || byte == '\\')
		text_add(out, "\\%c", byte);
	else if (byte < 0x20 || byte == 0x7f)
		text_add(out, "\\x%02x", byte);
	else if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
		text_add(out, "\\x%02x", next);
	else
		return 0;
	return byte == 0xc2 ? 2 : 1;
}

static void write_quoted(const char *text, struct text *out)
{
	text_add(out, "\"");
	while (*text) {
		size_t escaped = write_escape(text, out);

		if (!escaped)
			text_addn(out, text, 1);
		text += escaped ? escaped : 1;
	}
	text_add(out, "\"");
}

static void write_scalar(const struct yaml_node *node, struct text *out)
{
	if (node->plain || is_bare(node->text))
		text_add(out, "%s", node->text);
	else
		write_quoted(node->text, out);
}

static void write_flow(const struct yaml_node *node, struct text *out)
{
	if (node->shape == YAML_SCALAR) {
		write_scalar(node, out);
		return;
	}
	text_add(out, node->shape == YAML_MAP ? "{" : "[");
	for (const struct yaml_node *one = node->first; one; one = one->next) {
		text_add(out, one == node->first ? "" : ", ");
		if (one->key) {
			write_scalar(one->key, out);
			text_add(out, ": ");
		}
		write_flow(one, out);
	}
	text_add(out, node->shape == YAML_MAP ? "}" : "]");
}

/* A line holds a scalar, a map of scalars, or a list of such, while there is room. */
static bool fits(const struct yaml_node *node, unsigned int column)
{
	struct text line TEXT_CLEANUP = {0};

	if (node->shape == YAML_MAP && node->first && column == 0)
		return false;
	for (const struct yaml_node *one = node->first; one; one = one->next)
		if (one->shape != YAML_SCALAR && node->shape == YAML_MAP && one->len)
			return false;
	write_flow(node, &line);
	return column + line.size <= WIDTH;
}

static void write_block(const struct yaml_node *node, unsigned int column, struct text *out)
{
	for (const struct yaml_node *one = node->first; one; one = one->next) {
		size_t before = out->size;

		text_add(out, "%*s", (int)column, "");
		if (one->key)
			write_scalar(one->key, out);
		text_add(out, one->key ? ":" : "-");
		if (one->shape == YAML_SCALAR || !one->len || (!one->key && one->len) ||
		    (column && fits(one, (unsigned int)(out->size - before)))) {
			text_add(out, " ");
			write_flow(one, out);
			text_add(out, "\n");
			continue;
		}
		text_add(out, "\n");
		write_block(one, column + 2, out);
	}
}

void yaml_write(const struct yaml_node *root, struct text *out)
{
	write_block(root, 0, out);
}
