/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose an object is: told by what was committed, never by marks in the kernel. */
#include "plan/diff.h"

bool declared_existing(const struct object *object)
{
	return object->kind->flags & KIND_EXISTING || object_number(object, "existing", 0);
}

struct entry *claim_own(const struct diff *diff, const struct object *like)
{
	return diff->request->own ? committed_find(diff->request->own, like) : NULL;
}

const struct committed *claim_other(const struct diff *diff, const struct object *like,
				    struct entry **entry)
{
	for (size_t i = 0; i < diff->request->other_count; i++) {
		*entry = committed_find(diff->request->others[i], like);
		if (*entry && (*entry)->claim != CLAIM_TAKEN)
			return diff->request->others[i];
	}
	return NULL;
}

bool claim_made(const struct diff *diff, const struct object *actual)
{
	const struct entry *entry = claim_own(diff, actual);

	return entry && entry->claim == CLAIM_MADE && !object_other(entry->object, actual);
}

/* Another description has it: existing objects may be shared as long as no key is contested. */
static bool other_allows(struct diff *diff, const struct object *desired)
{
	struct entry *entry;
	const struct committed *other = claim_other(diff, desired, &entry);
	uint64_t contested;

	if (!other)
		return true;
	contested = object_differs(desired, entry->object) & entry->object->set;
	if (entry->claim == CLAIM_MADE && !declared_existing(desired)) {
		err_hint(diff_error_at(diff, desired, "belongs to the description %s, which is up",
				       other->name),
			 "lanloom down %s, or existing: true here", other->name);
		return false;
	}
	for (unsigned int i = 0; contested >> i; i++)
		if (contested >> i & 1) {
			diag_error(
				&diff->plan->diag, object_place(desired, i),
				diff_label(diff, desired),
				"%s is set otherwise by the description %s, which is up; expected "
				"one description per key",
				kind_field(desired->kind, i)->key, other->name);
			return false;
		}
	return true;
}

static bool kind_allows(struct diff *diff, const struct object *desired,
			const struct object *actual)
{
	const char *type = object_text(actual, "type");

	if (actual->kind == desired->kind || claim_made(diff, actual))
		return true;
	err_hint(diff_error_at(diff, desired,
			       "is there as a %s that is not lanloom's; expected a %s",
			       type ? type : actual->kind->name, desired->kind->name),
		 "another name, or ip link delete %s", object_name(actual));
	return false;
}

bool claim_allowed(struct diff *diff, const struct object *desired, const struct object *actual)
{
	const struct entry *own = claim_own(diff, desired);
	struct entry *theirs;
	bool device = kind_root(desired->kind)->rank <= RANK_LINK;

	if (!other_allows(diff, desired))
		return false;
	if (!actual || desired->kind->flags & KIND_VALUE)
		return true;
	if (!kind_allows(diff, desired, actual))
		return false;
	if (declared_existing(desired) || diff->request->adopt ||
	    uplink_follows(diff, desired, actual) || claim_other(diff, desired, &theirs))
		return true;
	if (own && (own->claim != CLAIM_MADE || claim_made(diff, actual)))
		return true;
	if (!device && !object_differs(desired, actual))
		return true; /* it stands there just so: shared */
	err_hint(diff_error_at(diff, desired,
			       "is there already and is not lanloom's; expected none"),
		 "%s--adopt to take it over and give it back at down",
		 !device || !kind_is(desired->kind, "link") ? ""
		 : desired->place.file ? "existing: true to use it as it is, or "
				       : "existing=true to use it as it is, or ");
	return false;
}
