/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libyaml tells its errors in the words of the YAML grammar. Here they are said in the words of
 * somebody who writes a description, with the way out for the faults that people really make.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/yaml.h"

struct explanation {
	const char *problem; /* a part of what libyaml says */
	const char *context; /* a part of its context, or NULL: any */
	const char *message;
	const char *hint;
};

static const struct explanation explanations[] = {
	{"did not find expected ',' or ']'", NULL,
	 "the list that is opened here with [ goes wrong; expected commas between its values and ] "
	 "at its end",
	 "close the list with ]"},
	{"did not find expected ',' or '}'", NULL,
	 "the map that is opened here with { goes wrong; expected commas between its entries and } "
	 "at its end",
	 "close the map with }"},
	{"did not find expected node content", NULL,
	 "the value cannot begin like this inside [ ] or { }; expected a value or a quote",
	 "put the value in quotes"},
	{"mapping values are not allowed", NULL,
	 "a colon stands where no key can end; expected one key in a line, and the lines of a map "
	 "to begin in the same column",
	 "put a value that has \": \" in it in quotes"},
	{"block sequence entries are not allowed", NULL,
	 "a list with - cannot begin in the line of its key; expected the list in the next line, "
	 "or [a, b]",
	 "write [a, b]"},
	{"could not find expected ':'", NULL,
	 "there is no colon behind the key; expected \"key: value\"", NULL},
	{"found unexpected end of stream", "quoted scalar",
	 "the quote that is opened here is never closed", "close the quote"},
	{"found unknown escape character", NULL,
	 "a backslash in double quotes stands before a letter that means nothing there; expected "
	 "\\\\ for a backslash",
	 "use single quotes"},
	{"escape", NULL, "the number behind the backslash is not a character", "use single quotes"},
	{"did not find expected '-' indicator", NULL,
	 "a list goes wrong here; expected all its entries to begin with - in the same column",
	 NULL},
	{"did not find expected key", NULL,
	 "the line does not fit the map it stands in; expected its keys to begin in the same "
	 "column "
	 "and nothing behind a closed value",
	 NULL},
	{"did not find expected <document start>", NULL,
	 "something stands behind the end of the description; expected nothing more", NULL},
	{"found incompatible YAML document", NULL,
	 "the file says it is of another version of YAML; expected %YAML 1.2 or nothing", NULL},
	{"found undefined tag handle", NULL,
	 "tags (!) are not part of a description; expected plain values",
	 "quote the value if it is meant to begin with !"},
	{"tag", NULL, "tags (!) are not part of a description; expected plain values",
	 "quote the value if it is meant to begin with !"},
	{"anchor", NULL,
	 "anchors (&) and aliases (*) are not part of a description; expected plain values",
	 "quote the value if it is meant to begin with & or *"},
	{"alphabetic or numeric character", NULL,
	 "anchors (&) and aliases (*) are not part of a description; expected plain values",
	 "quote the value if it is meant to begin with & or *"},
	{"comment or line break", NULL,
	 "behind | or > nothing may stand in the line; expected the text in the next lines", NULL},
	{"unexpected document indicator", NULL,
	 "a line of --- or ... stands inside a quoted value; expected the quote to be closed "
	 "before",
	 "close the quote"},
};

static void say(struct err *err, const char *message, const char *hint)
{
	snprintf(err->message, sizeof(err->message), "%s", message);
	snprintf(err->hint, sizeof(err->hint), "%s", hint ? hint : "");
}

/* The word at the column, as far as it could have been meant as one value. */
static size_t word_size(const char *at)
{
	return strcspn(at, " \t\r,]}#");
}

/* "::1/64" in a list or map: YAML takes the first colon for the end of an empty key. */
static bool explain_colon(const char *at, const char *context, struct err *err)
{
	size_t size = word_size(at);

	if (at[0] != ':' || !strstr(context, "flow") || size < 2)
		return false;
	snprintf(err->message, sizeof(err->message),
		 "\"%.*s\" begins with a colon, which means something else inside [ ] or { }; "
		 "expected it in quotes",
		 (int)(size < 60 ? size : 60), at);
	snprintf(err->hint, sizeof(err->hint), "\"%.*s\"", (int)(size < 60 ? size : 60), at);
	return true;
}

/* A tab that indents, or a character that YAML keeps for itself. */
static bool explain_token(const char *at, const char *problem, struct err *err)
{
	size_t size = word_size(at);

	if (!strstr(problem, "cannot start any token") && !strstr(problem, "tab character"))
		return false;
	if (at[0] == '\t') {
		say(err, "a tab stands where the line is indented; expected blanks",
		    "two blanks for each level");
		return true;
	}
	snprintf(err->message, sizeof(err->message),
		 "a value cannot begin with %c; expected it in quotes", at[0] ? at[0] : ' ');
	if (size && size < 60)
		snprintf(err->hint, sizeof(err->hint), "\"%.*s\"", (int)size, at);
	return true;
}

static void explain(const char *problem, const char *context, const char *line, size_t column,
		    struct err *err)
{
	const char *at = line;

	/* columns count characters */
	for (; column && *at; column--)
		for (at++; (*at & 0xc0) == 0x80;)
			at++;
	if (explain_colon(at, context, err) || explain_token(at, problem, err))
		return;
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		const struct explanation *e = &explanations[i];

		if (!strstr(problem, e->problem) || (e->context && !strstr(context, e->context)))
			continue;
		say(err, e->message, e->hint);
		return;
	}
	snprintf(err->message, sizeof(err->message),
		 "this is not YAML: %.150s%s%.100s; expected \"key: value\", lists as [a, b], maps "
		 "as "
		 "{a: b}",
		 context, context[0] ? ", " : "", problem);
}

void yaml_explain(const char *problem, const char *context, const char *line, size_t column,
		  struct err *err)
{
	explain(problem, context, line, column, err);
	text_tidy(err->message); /* words of the file are in them, cut off anywhere */
	text_tidy(err->hint);
}
