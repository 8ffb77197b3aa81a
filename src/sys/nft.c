/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/nft.h"

#include <errno.h>
#include <string.h>

#include "sys/process.h"

#define WORDS_MOST 160

/* nft says the cause first, then shows the place in a text that the user has never seen. */
static int refused(const struct text *said, struct err *err)
{
	const char *words = text_get(said), *error = strstr(words, "Error: ");
	size_t size;

	words = error ? error + strlen("Error: ") : words;
	size = strcspn(words, "\n");
	return err_set(err, -EINVAL, "nft refused it: %.*s",
		       (int)(size < WORDS_MOST ? size : WORDS_MOST), words);
}

static int missing(struct err *err)
{
	err_set(err, -ENOENT, "nft is not installed, and rules need it");
	return err_hint(err, "apt install nftables");
}

int nft_run(const char *commands, struct err *err)
{
	char *argv[] = {"nft", "-f", "-", NULL};
	struct text said TEXT_CLEANUP = {0};
	int r = process_talk(argv, commands, strlen(commands), NULL, &said, err);

	if (r == -ENOENT)
		return missing(err);
	return r == -EIO ? refused(&said, err) : r;
}

int nft_list(const char *table, bool elements, struct text *listing, struct err *err)
{
	char family[8] = "", name[80] = "";
	char *argv[] = {"nft", elements ? "-s" : "-st", "list", "table", family, name, NULL};
	struct text said TEXT_CLEANUP = {0};
	const char *space = strchr(table, ' ');
	int r;

	if (!space || (size_t)(space - table) >= sizeof(family) ||
	    strlen(space + 1) >= sizeof(name))
		return err_set(err, -EINVAL, "%.80s is no family and name of a table", table);
	memcpy(family, table, (size_t)(space - table));
	memcpy(name, space + 1, strlen(space + 1));
	r = process_talk(argv, "", 0, listing, &said, err);
	if (r == -ENOENT)
		return missing(err);
	if (r == -EIO && strstr(text_get(&said), "No such file or directory"))
		return err_set(err, -ENOENT, "there is no table %s", table);
	return r == -EIO ? refused(&said, err) : r;
}

int nft_list_chain(const char *family, const char *table, const char *chain, struct text *listing,
		   struct err *err)
{
	char *one[] = {"nft",	       "-s",	      "list",	     "chain",
		       (char *)family, (char *)table, (char *)chain, NULL};
	char *all[] = {"nft", "list", "chains", NULL};
	struct text said TEXT_CLEANUP = {0};
	int r = process_talk(family ? one : all, "", 0, listing, &said, err);

	return r == -EIO ? refused(&said, err) : r;
}
