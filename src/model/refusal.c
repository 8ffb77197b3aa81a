/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/refusal.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

/* What the kernel calls things that a description calls otherwise. */
static const struct {
	const char *word, *key;
} other_words[] = {
	{"gateway", "via"},  {"Nexthop", "via"},	{"nexthop", "via"},
	{"prefsrc", "from"}, {"address", "macaddress"}, {"Forward delay", "forward-delay"},
};

void sent_note(struct sent *sent, const struct object *object, unsigned int field, uint32_t start,
	       const struct nlmsghdr *message)
{
	if (sent->len == SENT_MAX || message->nlmsg_len == start)
		return;
	sent->parts[sent->len].object = object;
	sent->parts[sent->len].field = (uint8_t)field;
	sent->parts[sent->len].start = start;
	sent->parts[sent->len++].end = message->nlmsg_len;
}

static bool says(const struct nl_refusal *refusal, const struct field *field)
{
	const char *last = strrchr(field->key, '.');

	last = last ? last + 1 : field->key;
	if (strlen(last) > 2 && strcasestr(refusal->text, last))
		return true;
	for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++)
		if (strcmp(other_words[i].key, last) == 0 &&
		    strstr(refusal->text, other_words[i].word))
			return true;
	return false;
}

bool sent_find(const struct sent *sent, const struct nl_refusal *refusal,
	       const struct object **object, unsigned int *field)
{
	size_t found = sent->len;

	for (size_t i = 0; refusal && i < sent->len && found == sent->len; i++)
		if (refusal->offset && refusal->offset >= sent->parts[i].start &&
		    refusal->offset < sent->parts[i].end)
			found = i;
	for (size_t i = 0; refusal && refusal->text[0] && i < sent->len && found == sent->len; i++)
		if (says(refusal, kind_field(sent->parts[i].object->kind, sent->parts[i].field)))
			found = i;
	if (found == sent->len && sent->len == 1)
		found = 0; /* it can only be this one */
	if (found == sent->len)
		return false;
	*object = sent->parts[found].object;
	*field = sent->parts[found].field;
	return true;
}

static const char *words(int code)
{
	switch (-code) {
	case EPERM:
	case EACCES:
		return "only root may do this";
	case EEXIST:
		return "there is one already";
	case ENODEV:
	case ENXIO:
		return "there is no such device";
	case EBUSY:
		return "it is in use";
	case EOPNOTSUPP:
		return "this kernel or this device cannot do it";
	case EINVAL:
		return "the value does not fit here";
	case ERANGE:
		return "the value is out of its range";
	case ENETUNREACH:
		return "there is no way there";
	case EXFULL:
		return "it is full: a bridge has 1023 ports at most"; /* net/bridge/br_private.h */
	case ELOOP:
		return "a bridge cannot be a port, nor may devices stand in a circle";
	}
	return strerror(-code);
}

/* Our words first, the kernel's in brackets. */
static void why(struct text *out, int code, const struct nl_refusal *refusal)
{
	text_add(out, "%s", words(code));
	if (refusal && refusal->text[0])
		text_add(out, " (the kernel says: %s)", refusal->text);
}

static void name_it(struct err *err, const struct object *object, struct place place)
{
	struct arena arena;

	arena_init(&arena);
	err_at(err, object_label(object, &arena), place);
	arena_fini(&arena);
}

int refusal_tell_field(struct err *err, int code, const struct nl_refusal *refusal,
		       const struct object *object, unsigned int field)
{
	struct text value TEXT_CLEANUP = {0}, reason TEXT_CLEANUP = {0};

	object_print(object, field, &value);
	why(&reason, code, refusal);
	err_set(err, code, "%s %s was refused: %s", kind_field(object->kind, field)->key,
		text_get(&value), text_get(&reason));
	name_it(err, object, object_place(object, field));
	return code;
}

int refusal_tell(struct err *err, int code, const struct nl_refusal *refusal,
		 const struct sent *sent, const struct object *object, const char *doing)
{
	struct text asked TEXT_CLEANUP = {0}, reason TEXT_CLEANUP = {0};
	const struct object *its;
	unsigned int field;

	/* "there is one" and "you may not" are about the whole, whatever stood in it */
	if (code != -EEXIST && code != -EPERM && sent_find(sent, refusal, &its, &field))
		return refusal_tell_field(err, code, refusal, its, field);
	why(&reason, code, refusal);
	for (size_t i = 0; i < sent->len; i++) {
		text_add(&asked, "%s%s ", i ? ", " : "",
			 kind_field(sent->parts[i].object->kind, sent->parts[i].field)->key);
		object_print(sent->parts[i].object, sent->parts[i].field, &asked);
	}
	err_set(err, code, "to %s was refused: %s%s%s", doing, text_get(&reason),
		asked.size && code == -EINVAL ? "; asked was " : "",
		code == -EINVAL ? text_get(&asked) : "");
	name_it(err, object, object->place);
	return code;
}
