/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation: libyaml's *events* are turned into a tree by a stack of open maps and lists.
 * Building from events and not from its documents lets us stop at the first bracket that is too
 * deep (libyaml looks at all open brackets for each token, so a million of them would take hours),
 * and keeps the place of every key and value. What the profile forbids is told and stepped over, so
 * that one run names all of it; only what breaks a limit or the syntax ends the reading.
 */
#include "conf/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "conf/conf.h"

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct diag *diag;
	const char *file;
	const char *bytes;
	size_t size;
	size_t nodes;
	size_t depth;
	struct yaml_node *open[CONF_DEPTH_MAX]; /* maps and lists not closed yet, outermost first */
	struct yaml_node
		*keys[CONF_DEPTH_MAX]; /* of the map there: read, its value is still to come */
	struct yaml_node *root;
	unsigned int documents;
	bool stop;
};

bool yaml_null(const struct yaml_node *node)
{
	return node->shape == YAML_SCALAR && node->plain &&
	       (!node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *yaml_word(const struct yaml_node *node)
{
	switch (node->shape) {
	case YAML_LIST:
		return "a list";
	case YAML_MAP:
		return "a map of keys";
	case YAML_SCALAR:
		break;
	}
	return yaml_null(node) ? "nothing" : "one value";
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (struct yaml_node *node = map->shape == YAML_MAP ? map->first : NULL; node;
	     node = node->next)
		if (strcmp(node->key->text, key) == 0)
			return node;
	return NULL;
}

struct yaml_node *yaml_make(struct arena *arena, enum yaml_shape shape, struct place place)
{
	struct yaml_node *node = arena_make(arena, struct yaml_node);

	node->shape = shape;
	node->place = place;
	return node;
}

struct yaml_node *yaml_scalar(struct arena *arena, const char *text, struct place place)
{
	struct yaml_node *node = yaml_make(arena, YAML_SCALAR, place);

	node->text = arena_text(arena, text);
	return node;
}

void yaml_append(struct yaml_node *parent, struct yaml_node *key, struct yaml_node *child)
{
	child->key = key;
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->len++;
}

bool yaml_put(struct yaml_node *map, const char *key, struct yaml_node *node, struct arena *arena)
{
	size_t size = strcspn(key, ".");
	const char *part = arena_textn(arena, key, size);
	struct yaml_node *inner = yaml_get(map, part);
	bool last = !key[size];

	if (inner && (last || inner->shape != YAML_MAP))
		return false;
	if (!inner) {
		inner = last ? node : yaml_make(arena, YAML_MAP, node->place);
		yaml_append(map, yaml_scalar(arena, part, node->place), inner);
	}
	return last || yaml_put(inner, key + size + 1, node, arena);
}

/* "bridges.br0": the keys that lead to where the reader is. */
static void reader_path(const struct reader *reader, struct text *out)
{
	for (size_t i = 0; i < reader->depth; i++)
		if (reader->keys[i])
			text_add(out, "%s%.40s", out->size ? "." : "", reader->keys[i]->text);
}

static struct err *complain(struct reader *reader, struct place place, const char *message)
{
	struct text path TEXT_CLEANUP = {0};

	reader_path(reader, &path);
	return diag_error(reader->diag, place, text_get(&path), "%s", message);
}

/* A limit is broken: told once, and nothing more is read. */
static struct err *stop(struct reader *reader, struct place place, const char *message)
{
	reader->stop = true;
	return complain(reader, place, message);
}

static struct place place_at(const struct reader *reader, yaml_mark_t mark)
{
	return (struct place){.file = reader->file,
			      .line = (uint32_t)mark.line + 1,
			      .column = (uint32_t)mark.column + 1};
}

/* What a map's key must not be. Duplicates are found when the map ends. */
static void check_key(struct reader *reader, const struct yaml_node *key)
{
	if (key->plain && strcmp(key->text, "<<") == 0)
		err_hint(
			complain(reader, key->place,
				 "merge keys (<<) are not part of a description; expected the keys "
				 "themselves"),
			"write the merged keys out");
	else if (yaml_null(key))
		complain(reader, key->place, "there is no key before the colon; expected one");
}

static void add(struct reader *reader, struct yaml_node *node)
{
	struct yaml_node *parent;

	if (++reader->nodes > CONF_NODES_MAX) {
		stop(reader, node->place, "the file has more than 250000 keys and values");
		return;
	}
	if (!reader->depth) {
		reader->root = node;
		return;
	}
	parent = reader->open[reader->depth - 1];
	if (parent->len >= CONF_ENTRIES_MAX) {
		stop(reader, node->place, "there are more than 20000 entries in one map or list");
		return;
	}
	if (parent->shape == YAML_LIST) {
		yaml_append(parent, NULL, node);
	} else if (reader->keys[reader->depth - 1]) {
		yaml_append(parent, reader->keys[reader->depth - 1], node);
		reader->keys[reader->depth - 1] = NULL;
	} else if (node->shape != YAML_SCALAR) {
		stop(reader, node->place, "a key is a map or a list; expected a word");
	} else {
		check_key(reader, node);
		reader->keys[reader->depth - 1] = node;
	}
}

static void open_node(struct reader *reader, enum yaml_shape shape, struct place place)
{
	struct yaml_node *node = yaml_make(reader->arena, shape, place);

	if (reader->depth == CONF_DEPTH_MAX) {
		stop(reader, place, "maps and lists are nested more than 32 deep");
		return;
	}
	add(reader, node);
	if (reader->stop)
		return;
	reader->open[reader->depth] = node;
	reader->keys[reader->depth++] = NULL;
}

static int by_key(const void *a, const void *b)
{
	const struct yaml_node *left = *(struct yaml_node *const *)a;
	const struct yaml_node *right = *(struct yaml_node *const *)b;
	int order = strcmp(left->key->text, right->key->text);

	if (order)
		return order;
	if (left->place.line != right->place.line)
		return left->place.line < right->place.line ? -1 : 1;
	return left->place.column < right->place.column ? -1 : 1;
}

/* A map's entries in order of their keys, the earlier of equals first. */
static struct yaml_node **sorted(const struct yaml_node *map)
{
	struct yaml_node **nodes = calloc(map->len, sizeof(*nodes)), *node = map->first;

	if (!nodes)
		abort();
	for (size_t i = 0; node; node = node->next)
		nodes[i++] = node;
	qsort(nodes, map->len, sizeof(*nodes), by_key);
	return nodes;
}

static void check_duplicates(struct reader *reader, const struct yaml_node *map)
{
	struct yaml_node **nodes;

	if (map->len < 2)
		return;
	nodes = sorted(map);
	for (size_t i = 1; i < map->len && !reader->stop; i++) {
		char message[160];

		if (strcmp(nodes[i - 1]->key->text, nodes[i]->key->text) != 0)
			continue;
		snprintf(message, sizeof(message),
			 "the key \"%.60s\" stands here twice; the other is in line %u",
			 nodes[i]->key->text, nodes[i - 1]->key->place.line);
		complain(reader, nodes[i]->key->place, message);
		reader->stop = reader->diag->error_count >= CONF_ERRORS_MAX;
	}
	free(nodes);
}

static void close_node(struct reader *reader)
{
	struct yaml_node *node = reader->open[--reader->depth];

	if (node->shape == YAML_MAP)
		check_duplicates(reader, node);
}

static void refuse_marks(struct reader *reader, const unsigned char *anchor,
			 const unsigned char *tag, struct place place)
{
	if (anchor)
		err_hint(
			complain(
				reader, place,
				"anchors (&) are not part of a description; expected plain values"),
			"quote the value if it is meant to begin with &");
	if (tag)
		err_hint(complain(reader, place,
				  "tags (!) are not part of a description; expected plain values"),
			 "quote the value if it is meant to begin with !");
}

static void read_scalar(struct reader *reader, const yaml_event_t *event, struct place place)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t size = event->data.scalar.length;
	struct yaml_node *node;

	refuse_marks(reader, event->data.scalar.anchor, event->data.scalar.tag, place);
	if (size > CONF_SCALAR_MAX) {
		stop(reader, place, "one value is longer than 65536 bytes");
		return;
	}
	if (memchr(text, 0, size)) {
		complain(reader, place, "the value has a NUL byte (\\0); expected text");
		size = strlen(text);
	}
	node = yaml_make(reader->arena, YAML_SCALAR, place);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_textn(reader->arena, text, size);
	add(reader, node);
}

static void read_document(struct reader *reader, const yaml_event_t *event, struct place place)
{
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		complain(reader, place, "tags (%TAG) are not part of a description");
	if (++reader->documents > 1)
		err_hint(stop(reader, place,
			      "a second document begins here; expected one in a file"),
			 "give each description a file of its own");
}

static void read_event(struct reader *reader, const yaml_event_t *event)
{
	struct place place = place_at(reader, event->start_mark);

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		read_document(reader, event, place);
		break;
	case YAML_ALIAS_EVENT:
		err_hint(complain(reader, place,
				  "aliases (*) are not part of a description; expected the value "
				  "itself"),
			 "write the value out, or quote it if it is meant to begin with *");
		add(reader, yaml_scalar(reader->arena, "", place));
		break;
	case YAML_SCALAR_EVENT:
		read_scalar(reader, event, place);
		break;
	case YAML_SEQUENCE_START_EVENT:
		refuse_marks(reader, event->data.sequence_start.anchor,
			     event->data.sequence_start.tag, place);
		open_node(reader, YAML_LIST, place);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_marks(reader, event->data.mapping_start.anchor,
			     event->data.mapping_start.tag, place);
		open_node(reader, YAML_MAP, place);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_node(reader);
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	if (reader->diag->error_count >= CONF_ERRORS_MAX)
		reader->stop = true;
}

/* The text of a line, for the words of an error; "" behind the last. */
static const char *line_at(const struct reader *reader, size_t line)
{
	const char *at = reader->bytes, *end = reader->bytes + reader->size;

	for (; line && at; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return "";
	end = memchr(at, '\n', (size_t)(end - at));
	return arena_textn(reader->arena, at,
			   end ? (size_t)(end - at) : (size_t)(reader->bytes + reader->size - at));
}

static void syntax_error(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	struct err err = {.code = -EINVAL};
	struct text path TEXT_CLEANUP = {0};

	/* what was opened and never closed is found at the end; it is the beginning that helps */
	if (parser->context &&
	    (strstr(parser->context, "quoted scalar") ||
	     (strstr(parser->context, "flow") && mark.line > parser->context_mark.line)))
		mark = parser->context_mark;
	yaml_explain(parser->problem ? parser->problem : "", parser->context ? parser->context : "",
		     line_at(reader, mark.line), mark.column, &err);
	reader_path(reader, &path);
	err_at(&err, text_get(&path), place_at(reader, mark));
	diag_add(reader->diag, &err);
	reader->stop = true;
}

/* Length of the UTF-8 character at `at` (RFC 3629), 0: it is none. */
static size_t utf8_size(const unsigned char *at, size_t left)
{
	size_t size = at[0] < 0x80   ? 1
		      : at[0] < 0xc2 ? 0
		      : at[0] < 0xe0 ? 2
		      : at[0] < 0xf0 ? 3
		      : at[0] < 0xf5 ? 4
				     : 0;

	if (size > left)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

/* The C1 controls but for U+0085, and the two that are no characters. */
static bool no_character(const unsigned char *at, size_t size)
{
	return (size == 2 && at[0] == 0xc2 && at[1] < 0xa0 && at[1] != 0x85) ||
	       (size == 3 && at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe);
}

static void complain_byte(struct reader *reader, struct place place, const char *message,
			  unsigned char byte)
{
	char told[120];

	snprintf(told, sizeof(told), "%s (0x%02x) stands here; expected a text file in UTF-8",
		 message, byte);
	complain(reader, place, told);
}

/* Bytes that no text file has are told by us: libyaml gives their offset only. */
static int check_bytes(struct reader *reader)
{
	const unsigned char *bytes = (const unsigned char *)reader->bytes;
	struct place place = {.file = reader->file, .line = 1, .column = 1};
	size_t size;

	for (size_t i = 0; i < reader->size; i += size) {
		const char *wrong = NULL;

		size = utf8_size(bytes + i, reader->size - i);
		if (!size)
			wrong = "a byte that is not UTF-8";
		else if (!bytes[i])
			wrong = "a NUL byte";
		else if ((bytes[i] < 0x20 && !strchr("\t\n\r", bytes[i])) || bytes[i] == 0x7f ||
			 no_character(bytes + i, size))
			wrong = "a control character";
		if (wrong) {
			complain_byte(reader, place, wrong, bytes[i]);
			return -EINVAL;
		}
		place.column++;
		if (bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return 0;
}

static void read_events(struct reader *reader)
{
	yaml_event_type_t type = YAML_NO_EVENT;

	while (!reader->stop && type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event)) {
			syntax_error(reader);
			return;
		}
		type = event.type;
		read_event(reader, &event);
		yaml_event_delete(&event);
	}
}

int yaml_read(const char *file, const char *bytes, size_t size, struct arena *arena,
	      struct yaml_node **root, struct diag *diag)
{
	struct reader reader = {
		.arena = arena, .diag = diag, .file = file, .bytes = bytes, .size = size};
	struct place start = {.file = file, .line = 1, .column = 1};
	size_t before = diag->error_count;

	if (size > CONF_FILE_MAX) {
		diag_error(diag, start, "", "the file is larger than 8 MiB");
		return -EINVAL;
	}
	if (check_bytes(&reader))
		return -EINVAL;
	if (!yaml_parser_initialize(&reader.parser))
		abort();
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, size);
	read_events(&reader);
	yaml_parser_delete(&reader.parser);
	if (diag->error_count == before && (!reader.root || yaml_null(reader.root)))
		err_hint(diag_error(diag, start, "", "the file is empty; expected a description"),
			 "lanloom down removes what a description made");
	if (diag->error_count != before)
		return -EINVAL;
	*root = reader.root;
	return 0;
}
