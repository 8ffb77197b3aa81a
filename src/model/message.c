/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/message.h"

#include <errno.h>

#include "model/step.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

void message_get(struct object *object, const struct nlattr *const *attrs, size_t count,
		 const struct site *site, struct arena *arena)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		const struct nlattr *attr =
			field->attr && field->attr < count ? attrs[field->attr] : NULL;

		if (attr && field->type->get &&
		    field->type->get(field, attr, &site->names, arena, object_at(object, i)) == 0)
			object->set |= UINT64_C(1) << i;
	}
}

int message_put(struct nlmsghdr *message, const struct object *object, const struct site *site,
		struct sent *sent)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		uint32_t start = message->nlmsg_len;

		if (!object_has(object, i) || !field->attr || !field->type->put)
			continue;
		r = field->type->put(field, object_at(object, i), &site->names, message);
		sent_note(sent, object, i, start, message);
	}
	return r;
}

int message_send(struct nlmsghdr *message, const struct step *step, const struct sent *sent,
		 int gone_code, struct site *site, struct err *err)
{
	struct nl_refusal refusal = {0};
	int r = nl_talk(site->nl, message, &refusal);

	if (!r || (!step->after && (r == gone_code || r == -ENODEV)))
		return 0; /* somebody was faster */
	return refusal_tell(err, r, &refusal, sent, step_object(step),
			    !step->after   ? "take it away"
			    : step->before ? "change it"
					   : "add it");
}
