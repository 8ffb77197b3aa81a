/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "lib/lib.h"
#include "model/describe.h"
#include "sys/kernel.h"

static bool meant(const struct kind *kind, const char *name)
{
	return !name || text_same(kind->name, name) ||
	       (kind->section && text_same(kind->section, name)) ||
	       (kind->listed && text_same(kind->listed, name));
}

static void kind_unknown(struct answer *answer, const char *name)
{
	const char *words[256], *nearest;
	struct err err = {0};
	size_t len = 0;

	for (size_t i = 0; kinds[i] && len < 253; i++) {
		words[len++] = kinds[i]->name;
		if (kinds[i]->section)
			words[len++] = kinds[i]->section;
		if (kinds[i]->listed)
			words[len++] = kinds[i]->listed;
	}
	words[len] = NULL;
	nearest = text_nearest(name, words);
	err_set(&err, -EINVAL, "there is no kind \"%s\"%s%s%s", name,
		nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	err_hint(&err, "lanloom kinds lists them");
	answer_usage(answer, &err);
}

/* What a kind asks of the kernel is its own, or that of the kind it is a sort of. */
static const char *kernel_tells(const struct kernel_config *config, const struct kind *kind)
{
	for (; kind; kind = kind->base)
		if (kind->config)
			return kernel_words[kernel_ask(config, kind->config, kind->module)];
	return kernel_words[KERNEL_HAS];
}

static json_t *kind_answer(const struct kernel_config *config, const struct kind *kind)
{
	json_t *json = describe_kind(kind);

	json_object_set_new(json, "kernel", json_string(kernel_tells(config, kind)));
	return json;
}

enum loom_status loom_kinds(struct loom *loom, const char *kind, struct loom_doc **doc)
{
	struct answer answer;
	struct kernel_config *config = kernel_config_read();
	json_t *list = json_array();

	(void)loom;
	answer_init(&answer);
	for (size_t i = 0; kinds[i]; i++)
		if (meant(kinds[i], kind))
			json_array_append_new(list, kind_answer(config, kinds[i]));
	kernel_config_free(config);
	json_object_set_new(answer.json, "kinds", list);
	if (!json_array_size(list))
		kind_unknown(&answer, kind);
	return answer_end(&answer, doc);
}
