/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts for people, whatever they quote: UTF-8, and nothing that steers a terminal. */
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "lanloom.h"
#include "unit/test.h"

static const char *tidied(const char *text)
{
	static char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	text_tidy(copy);
	return copy;
}

static void characters_stay(void)
{
	CHECK_TEXT(tidied(""), "");
	CHECK_TEXT(tidied("br0: 100 %"), "br0: 100 %");
	CHECK_TEXT(tidied("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
		   "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	CHECK_TEXT(tidied("\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
		   "\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

static void controls_go(void)
{
	CHECK_TEXT(tidied("\x1b[31mred\n\t\x7f"), "?[31mred???");
	CHECK_TEXT(tidied("a\xc2\x9b"
			  "31m"),
		   "a??31m"); /* CSI as one character */
}

static void what_is_no_utf8_goes(void)
{
	CHECK_TEXT(tidied("\xff\xfe"), "??");
	CHECK_TEXT(tidied("\xe2\x82"), "??"); /* cut off */
	CHECK_TEXT(tidied("\xe2\x82z"), "??z");
	CHECK_TEXT(tidied("\xc0\x80\xe0\x80\x80"), "?????"); /* overlong */
	CHECK_TEXT(tidied("\xed\xa0\x80"), "???");	     /* a surrogate */
	CHECK_TEXT(tidied("\xf4\x90\x80\x80"), "????");	     /* behind the last plane */
	CHECK_TEXT(tidied("\x80\xbf"), "??");
}

/* A message that ends in the middle of a character, or quotes an escape. */
static void errors_are_tidy(void)
{
	struct diag diag = {0};
	struct err err = {0};

	err_set(&err, -1, "\"%.4s\" is wrong", "abc\xc3\xbc");
	CHECK_TEXT(err.message, "\"abc?\" is wrong");
	err_context(&err, "\x1b");
	CHECK_TEXT(err.message, "?: \"abc?\" is wrong");
	err_hint(&err, "lanloom add %s", "\x07");
	CHECK_TEXT(err.hint, "lanloom add ?");
	err_at(&err, "\x1b[2J", (struct place){0});
	CHECK_TEXT(err.object, "?[2J");
	diag_error(&diag, (struct place){0}, "\x1b", "unknown \"%s\"", "\x1b]0;x\x07");
	CHECK_TEXT(diag.errors[0].object, "?");
	CHECK_TEXT(diag.errors[0].message, "unknown \"?]0;x?\"");
	diag_fini(&diag);
}

/* JSON has no bytes that are no UTF-8; the error must be told all the same. */
static void a_document_tells_any_message(void)
{
	struct loom_doc *doc = loom_doc_error("no command \"\xff\"", "\xfe");
	const struct loom_doc *error = loom_at(loom_get(doc, "errors"), 0);

	CHECK_TEXT(loom_text(error, "message"), "no command \"?\"");
	CHECK_TEXT(loom_text(error, "try"), "?");
	loom_doc_free(doc);
}

int main(void)
{
	TEST(characters_stay);
	TEST(controls_go);
	TEST(what_is_no_utf8_goes);
	TEST(errors_are_tidy);
	TEST(a_document_tells_any_message);
	return test_done();
}
