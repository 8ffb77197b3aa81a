/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of nftables rules that is ours alone, and is replaced as a whole. A listing is not the
 * text as it was written, so two digests tell whether it still stands as it was meant: that of the
 * text is the table's comment, that of the listing is put into it afterwards, as the comment of a
 * set that is never used. Whoever changes a rule makes the second one wrong.
 *
 * What is in named sets is no part of it: `fills` says what the keeper puts there (daemon/fills.c),
 * a line for each set: "leads SET NETWORK MAC PREFIX…", a map to the address of which that MAC has
 * a lease; "holds SET NETWORK MAC PREFIX…", a
 * set of it; "ports SET BRIDGE all|guests DEVICE…", a set of the bridge's ports but these;
 * "behind SET BRIDGE GUEST DEVICE", a set of DEVICE and the bridge's ports with that alias.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "model/object.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nft.h"
#include "sys/site.h"

#define RULES_MOST (1 << 20)
#define DIGEST_SIZE 17
#define SEAL "lanloom_seal"
#define CHANGED "changed"

struct ruleset {
	const char *name, *digest, *rules, *fills;
};

enum { NAME, DIGEST, RULES, FILLS };

/* clang-format off */
static const struct field fields[] = {
	[NAME] = {"name", &vtype_text, FIELD(ruleset, name), .flags = FIELD_KEY | FIELD_NEED,
		  .max = 80, .doc = "family and name of the table"},
	[DIGEST] = {"digest", &vtype_text, FIELD(ruleset, digest), .flags = FIELD_INNER, .max = 16,
		    .doc = "what tells its rules from others"},
	[RULES] = {"rules", &vtype_text, FIELD(ruleset, rules), .flags = FIELD_INNER | FIELD_ASIDE,
		   .max = RULES_MOST, .doc = "what stands between the braces"},
	[FILLS] = {"fills", &vtype_text, FIELD(ruleset, fills), .flags = FIELD_INNER | FIELD_ASIDE,
		   .max = RULES_MOST, .doc = "what the keeper puts into its sets"},
};
/* clang-format on */

extern const struct kind kind_ruleset;

/* Tells texts apart; nobody needs protection from whoever may write rules. */
static void digest_of(const char *text, size_t size, char digest[DIGEST_SIZE])
{
	static const struct siphash_key key = {{0x6c616e6c6f6f6d, 1}};
	uint64_t sum = size;

	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, text + i, size - i < sizeof(word) ? size - i : sizeof(word));
		sum = siphash_words(&key, sum, word);
	}
	snprintf(digest, DIGEST_SIZE, "%016llx", (unsigned long long)sum);
}

/* The word in quotes behind `key`, on the line it stands in; false: there is none. */
static bool quoted(const char *from, const char *key, char digest[DIGEST_SIZE])
{
	const char *at = strstr(from, key);

	return at && sscanf(at + strlen(key), "%16[0-9a-f]\"", digest) == 1 &&
	       strlen(digest) == DIGEST_SIZE - 1;
}

/* Between the braces of a listing, without the seal. */
static void inside(const char *listing, struct text *rules)
{
	const char *begin = strchr(listing, '\n'), *end = strrchr(listing, '}');
	const char *seal = strstr(listing, "\tset " SEAL " {"), *after;

	if (!begin || !end || begin > end)
		return;
	begin++;
	after = seal ? strstr(seal, "\n\t}\n") : NULL;
	if (after) {
		text_addn(rules, begin, (size_t)(seal - begin));
		begin = after + strlen("\n\t}\n");
		begin += *begin == '\n';
	}
	if (begin < end)
		text_addn(rules, begin, (size_t)(end - begin));
}

struct table {
	const char *name;
	const struct ruleset *after; /* NULL: it goes */
	struct text listing;
	bool there;
};

static int table_read(void *data, struct err *err)
{
	struct table *table = data;
	int r;

	text_clear(&table->listing);
	r = nft_list(table->name, false, &table->listing, err);
	table->there = r == 0;
	return r == -ENOENT ? 0 : r;
}

static int table_seal(struct table *table, struct err *err)
{
	struct text rules TEXT_CLEANUP = {0}, commands TEXT_CLEANUP = {0};
	char digest[DIGEST_SIZE];
	int r = table_read(table, err);

	if (r)
		return r;
	inside(text_get(&table->listing), &rules);
	digest_of(text_get(&rules), rules.size, digest);
	text_add(&commands, "add set %s " SEAL " { type mark; comment \"%s\"; }\n", table->name,
		 digest);
	return nft_run(text_get(&commands), err);
}

/* The comment is ours, whichever text brings one along. */
static void rules_put(struct text *commands, const struct ruleset *ruleset)
{
	const char *rules = ruleset->rules;

	text_add(commands, "table %s {\n\tcomment \"%s\"\n", ruleset->name, ruleset->digest);
	if (text_starts(rules, "\tcomment \"")) {
		rules = strchr(rules, '\n');
		rules = rules ? rules + 1 : "";
	}
	text_add(commands, "%s}\n", rules);
}

/* Behind the brace that a listing has before a set's elements, to the one after them. */
static void braces_copy(const char *from, struct text *out)
{
	const char *end = from;

	for (bool name = false; *end && (name || *end != '}'); end++)
		name ^= *end == '"';
	text_addn(out, from, (size_t)(end - from));
}

/* What is in a set of the old table, if there is such a one. `head`: "set NAME {". */
static void elements_keep(const struct table *table, const char *head, size_t size,
			  struct text *commands)
{
	struct text line TEXT_CLEANUP = {0};
	const char *set, *at;

	text_add(&line, "\t%.*s\n", (int)size, head);
	set = strstr(text_get(&table->listing), text_get(&line));
	at = set ? strstr(set, "\telements = {") : NULL;
	if (!at || at > strstr(set, "\n\t}"))
		return;
	text_add(commands, "add element %s %.*s ", table->name, (int)(size - strlen("set  {")),
		 head + strlen("set "));
	braces_copy(at + strlen("\telements = "), commands);
	text_add(commands, "}\n");
}

/* The keeper comes a moment later: until then what is in its sets stays there. */
static int fills_keep(struct table *table, struct text *commands, struct err *err)
{
	const char *line = table->after->rules;
	int r;

	text_clear(&table->listing);
	r = nft_list(table->name, true, &table->listing, err);
	if (r)
		return r == -ENOENT ? 0 : r;
	for (; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		size_t size = strcspn(line, "\n");

		if (text_starts(line, "\tset ") || text_starts(line, "\tmap "))
			elements_keep(table, line + 1, size - 1, commands);
	}
	return 0;
}

static int table_write(void *data, struct err *err)
{
	struct table *table = data;
	struct text commands TEXT_CLEANUP = {0};
	int r;

	/* added first, so that there is one to be deleted */
	text_add(&commands, "add table %s\ndelete table %s\n", table->name, table->name);
	if (table->after)
		rules_put(&commands, table->after);
	if (table->after && table->after->fills && fills_keep(table, &commands, err))
		return err->code;
	r = nft_run(text_get(&commands), err);
	return r || !table->after ? r : table_seal(table, err);
}

static void describe(const struct table *table, struct object *object, struct arena *arena)
{
	struct ruleset *ruleset = object->data;
	struct text rules TEXT_CLEANUP = {0};
	char text[DIGEST_SIZE] = "", seal[DIGEST_SIZE] = "", found[DIGEST_SIZE];
	const char *listing = text_get(&table->listing), *set = strstr(listing, "\tset " SEAL " {");

	inside(listing, &rules);
	digest_of(text_get(&rules), rules.size, found);
	ruleset->name = arena_text(arena, table->name);
	ruleset->rules = arena_text(arena, text_get(&rules));
	ruleset->digest = CHANGED;
	if (quoted(listing, "\tcomment \"", text) && set && quoted(set, "comment \"", seal) &&
	    strcmp(seal, found) == 0)
		ruleset->digest = arena_text(arena, text);
	object->set = 1 << NAME | 1 << DIGEST | 1 << RULES;
}

static int read_wanted(struct site *site, const struct state *wanted, struct state *out,
		       struct err *err)
{
	const struct object *like;
	struct table table = {0};
	int r = 0;

	for (size_t i = 0; !r && (like = state_next(wanted, "ruleset", &i));) {
		if (!text_same(like->ns, site->ns))
			continue;
		table.name = object_name(like);
		r = site_inside(site, table_read, &table, err);
		if (!r && table.there) {
			struct object *object = object_make(out->arena, &kind_ruleset, site->ns);

			describe(&table, object, out->arena);
			state_add(out, object);
		}
	}
	text_fini(&table.listing);
	return r;
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	struct table table = {.name = object_name(step_object(step))};
	int r;

	/* as it stands there, not merged: rules and digest go together, whatever the mask says */
	table.after = step->after ? step->after->data : NULL;
	r = site_inside(site, table_write, &table, err);
	text_fini(&table.listing);
	if (r)
		err_at(err, object_label(step_object(step), site->arena), step_object(step)->place);
	return r;
}

/* Whoever makes one has written its rules; what they are called by follows. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct ruleset *ruleset = object->data;
	struct text all TEXT_CLEANUP = {0};
	char digest[DIGEST_SIZE];

	if (!object_has(object, RULES))
		return;
	text_add(&all, "%s%s", ruleset->rules, object_has(object, FILLS) ? ruleset->fills : "");
	digest_of(text_get(&all), all.size, digest);
	ruleset->digest = arena_text(state->arena, digest);
	object->set |= 1 << DIGEST;
}

static const struct kind_ops ops = {.read = read_wanted, .apply = apply, .expand = expand};

const struct kind kind_ruleset = {
	.name = "ruleset",
	.config = "CONFIG_NF_TABLES",
	.module = "nf_tables",
	.summary = "a table of nftables rules, made by a network",
	KIND_FIELDS(fields),
	.flags = KIND_HIDDEN | KIND_KEPT | KIND_MADE,
	.size = sizeof(struct ruleset),
	.rank = RANK_RULESET,
	.door = DOOR_OWN,
	.ops = &ops,
};
