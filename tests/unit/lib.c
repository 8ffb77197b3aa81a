/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public library where it needs no kernel: documents, options, keys, kinds, checking. */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lanloom.h"

static char folder[] = "/tmp/lanloom-lib-XXXXXX";
static char path_text[128];

static const char *path_of(const char *name)
{
	snprintf(path_text, sizeof(path_text), "%s/%s", folder, name);
	return path_text;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	CHECK(file);
	if (!file)
		return;
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
}

static const char *error_text(const struct loom_doc *doc, const char *key)
{
	return loom_text(loom_at(loom_get(doc, "errors"), 0), key);
}

static void nothing_can_be_asked_anything(void)
{
	CHECK(loom_type(NULL) == LOOM_NULL);
	CHECK(loom_count(NULL) == 0);
	CHECK(!loom_get(NULL, "a") && !loom_at(NULL, 0) && !loom_key_at(NULL, 0));
	CHECK(!loom_text(NULL, NULL) && !loom_text(NULL, "a"));
	CHECK(loom_number(NULL, "a") == 0 && !loom_truth(NULL, "a"));
	loom_doc_free(NULL);
	loom_free(NULL);
}

static void an_error_is_a_document(void)
{
	struct loom_doc *doc = loom_doc_error("it is so", "another way");

	CHECK(loom_type(doc) == LOOM_OBJECT && loom_count(doc) == 1);
	CHECK_TEXT(loom_key_at(doc, 0), "errors");
	CHECK(loom_type(loom_get(doc, "errors")) == LOOM_LIST);
	CHECK_TEXT(error_text(doc, "message"), "it is so");
	CHECK_TEXT(error_text(doc, "try"), "another way");
	CHECK(!loom_text(doc, "errors") && loom_number(doc, "errors") == 0);
	CHECK(!loom_key_at(doc, 1));
	loom_doc_free(doc);
}

static void options_are_known_by_name(void)
{
	struct loom *loom = loom_new();

	CHECK(loom_option(loom, "host", "alpha") == 0);
	CHECK(loom_option(loom, "host", NULL) == 0);
	CHECK(loom_option(loom, "adopt", "yes") == 0);
	CHECK(loom_option(loom, "adobt", "yes") == -1);
	loom_free(loom);
}

static void a_new_key_is_private_and_stays(void)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc, *again;
	struct stat status;

	CHECK(loom_key_new(loom, path_of("a.key"), &doc) == LOOM_DONE);
	CHECK(loom_text(doc, "public") && strlen(loom_text(doc, "public")) == 44);
	CHECK(stat(path_of("a.key"), &status) == 0 && (status.st_mode & 07777) == 0600);
	CHECK(status.st_size == 45);
	CHECK(loom_key_public(loom, path_of("a.key"), &again) == LOOM_DONE);
	CHECK_TEXT(loom_text(again, "public"), loom_text(doc, "public"));
	loom_doc_free(again);
	CHECK(loom_key_new(loom, path_of("a.key"), &again) == LOOM_FAILED);
	CHECK(strstr(error_text(again, "message"), "not overwritten"));
	loom_doc_free(again);
	CHECK(loom_key_new(loom, path_of("b.key"), &again) == LOOM_DONE);
	CHECK(strcmp(loom_text(again, "public"), loom_text(doc, "public")) != 0);
	loom_doc_free(again);
	loom_doc_free(doc);
	loom_free(loom);
}

/* RFC 7748 section 6.1: Alice's keys. */
static void a_public_half_is_that_of_the_rfc(void)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc;

	write_file(path_of("alice.key"), "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n", 0600);
	CHECK(loom_key_public(loom, path_of("alice.key"), &doc) == LOOM_DONE);
	CHECK_TEXT(loom_text(doc, "public"), "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
	loom_doc_free(doc);
	loom_free(loom);
}

static void a_key_that_others_read_is_refused(void)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc;

	write_file(path_of("open.key"), "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n", 0640);
	CHECK(loom_key_public(loom, path_of("open.key"), &doc) == LOOM_FAILED);
	CHECK(strstr(error_text(doc, "message"), "640"));
	CHECK(strstr(error_text(doc, "try"), "chmod 600"));
	loom_doc_free(doc);
	write_file(path_of("bad.key"), "dwdtCnMYpX08FsFy\n", 0600);
	CHECK(loom_key_public(loom, path_of("bad.key"), &doc) == LOOM_FAILED);
	CHECK(strstr(error_text(doc, "message"), "44 characters"));
	CHECK(!strstr(error_text(doc, "message"), "dwdtCn"));
	loom_doc_free(doc);
	CHECK(loom_key_public(loom, path_of("none.key"), &doc) == LOOM_FAILED);
	CHECK(strstr(error_text(doc, "try"), "lanloom key new"));
	loom_doc_free(doc);
	CHECK(loom_key_public(loom, folder, &doc) == LOOM_FAILED);
	loom_doc_free(doc);
	loom_free(loom);
}

static void kinds_are_found_by_name_and_section(void)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc, *same;

	CHECK(loom_kinds(loom, NULL, &doc) == LOOM_DONE);
	CHECK(loom_count(loom_get(doc, "kinds")) >= 12);
	loom_doc_free(doc);
	CHECK(loom_kinds(loom, "bridge", &doc) == LOOM_DONE);
	CHECK(loom_kinds(loom, "bridges", &same) == LOOM_DONE);
	CHECK_TEXT(loom_text(loom_at(loom_get(doc, "kinds"), 0), "name"), "bridge");
	CHECK_TEXT(loom_text(loom_at(loom_get(same, "kinds"), 0), "name"), "bridge");
	loom_doc_free(same);
	loom_doc_free(doc);
	CHECK(loom_kinds(loom, "brigde", &doc) == LOOM_USAGE);
	CHECK(strstr(error_text(doc, "message"), "bridge?"));
	loom_doc_free(doc);
	loom_free(loom);
}

static void checking_tells_places_and_files_contest(void)
{
	const char *files[] = {strdup(path_of("one.yaml")), strdup(path_of("two.yaml"))};
	struct loom *loom = loom_new();
	struct loom_doc *doc;

	write_file(files[0], "name: one\nbridges:\n  br0: {mtuu: 1400}\n", 0644);
	CHECK(loom_check(loom, files, 1, &doc) == LOOM_FAILED);
	CHECK(loom_number(loom_at(loom_get(doc, "errors"), 0), "line") == 3);
	loom_doc_free(doc);
	write_file(files[0], "name: one\nbridges:\n  br0: {mtu: 1400}\n", 0644);
	write_file(files[1], "name: two\nbridges:\n  br0: {mtu: 1300}\n", 0644);
	CHECK(loom_check(loom, files, 2, &doc) == LOOM_FAILED);
	CHECK_TEXT(error_text(doc, "object"), "br0");
	loom_doc_free(doc);
	write_file(files[1], "name: one\nbridges:\n  br1: {mtu: 1300}\n", 0644);
	CHECK(loom_check(loom, files, 2, &doc) == LOOM_FAILED);
	loom_doc_free(doc);
	write_file(files[1], "name: two\nbridges:\n  br1: {mtu: 1300}\n", 0644);
	CHECK(loom_check(loom, files, 2, &doc) == LOOM_DONE);
	CHECK(loom_count(loom_get(doc, "descriptions")) == 2);
	loom_doc_free(doc);
	write_file(files[1], "name: by-hand\nbridges:\n  br1: {mtu: 1300}\n", 0644);
	CHECK(loom_check(loom, files + 1, 1, &doc) == LOOM_FAILED);
	loom_doc_free(doc);
	loom_free(loom);
	free((char *)files[0]);
	free((char *)files[1]);
}

static void without_a_file_the_default_ones_are_meant(void)
{
	struct loom *loom = loom_new();
	struct loom_doc *doc;
	char sub[128];

	setenv("LANLOOM_ETC", folder, 1);
	CHECK(loom_check(loom, NULL, 0, &doc) == LOOM_FAILED);
	CHECK(strstr(error_text(doc, "message"), "no description"));
	loom_doc_free(doc);
	snprintf(sub, sizeof(sub), "%s", path_of("lanloom.d"));
	mkdir(sub, 0755);
	write_file(path_of("lanloom.yaml"), "name: one\nbridges: {br0: {}}\n", 0644);
	write_file(path_of("lanloom.d/two.yaml"), "name: two\nbridges: {br1: {}}\n", 0644);
	write_file(path_of("lanloom.d/three.txt"), "not one\n", 0644);
	CHECK(loom_check(loom, NULL, 0, &doc) == LOOM_DONE);
	CHECK(loom_count(loom_get(doc, "descriptions")) == 2);
	loom_doc_free(doc);
	loom_free(loom);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(folder))
		return 1;
	TEST(nothing_can_be_asked_anything);
	TEST(an_error_is_a_document);
	TEST(options_are_known_by_name);
	TEST(a_new_key_is_private_and_stays);
	TEST(a_public_half_is_that_of_the_rfc);
	TEST(a_key_that_others_read_is_refused);
	TEST(kinds_are_found_by_name_and_section);
	TEST(checking_tells_places_and_files_contest);
	TEST(without_a_file_the_default_ones_are_meant);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command))
		return 1;
	return test_done();
}
