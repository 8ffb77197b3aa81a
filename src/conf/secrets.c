/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A private key stands in a file of its own. Its public half goes into the state, so that a
 * changed key is a change; and it has to be the one that the file tells the other hosts.
 */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

static void print_key(const struct public_key *key, char text[45])
{
	text_base64_put(key->bytes, sizeof(key->bytes), text);
}

/* Where nothing else is said the host's key is the tunnel's. */
static void take_host_key(const struct host *host, struct object *object, unsigned int i)
{
	struct err err;

	if (host->public_key && !object_has(object, i))
		object_parse(object, i, host->public_key, host->key_place, host->load.arena, &err);
}

static void compare(const struct host *host, struct object *object, unsigned int secret,
		    unsigned int public, const struct public_key *key)
{
	const char *path = *(const char *const *)object_at(object, secret);
	const struct public_key *said = object_at(object, public);
	struct load *load = (struct load *)&host->load;
	char have[45], want[45];
	struct err err;

	print_key(key, have);
	if (object_has(object, public) && memcmp(said, key, sizeof(*key)) != 0) {
		print_key(said, want);
		err_hint(load_error(load, object_place(object, secret),
				    object_label(object, load->arena),
				    "the key in %.120s does not match the public key in line %u: "
				    "it has %s; expected %s",
				    path, object_place(object, public).line, have, want),
			 "keys: {public: %s}", have);
		return;
	}
	object_parse(object, public, have, object_place(object, secret), load->arena, &err);
}

static void look(const struct host *host, struct object *object, unsigned int secret,
		 unsigned int public, const struct conf_request *request)
{
	const char *path = *(const char *const *)object_at(object, secret);
	struct load *load = (struct load *)&host->load;
	struct public_key key;
	struct err err;

	if (request->public_of(request->data, path, &key, &err) == 0) {
		compare(host, object, secret, public, &key);
		return;
	}
	err_at(&err, object_label(object, load->arena), object_place(object, secret));
	if (request->keys_needed) {
		load_err(load, &err);
	} else {
		err.code = 0;
		diag_warn(load->diag, &err);
	}
}

void hosts_secrets(const struct hosts *hosts, const struct conf_request *request)
{
	for (size_t h = 0; h < hosts->len; h++) {
		const struct host *host = &hosts->hosts[h];

		for (size_t i = 0; i < host->load.state->len; i++) {
			struct object *object = host->load.state->objects[i];
			int secret = field_secret(object->kind);
			int public = field_public(object->kind);

			if (object->kind->owner || secret < 0 || public < 0)
				continue;
			take_host_key(host, object, (unsigned int)public);
			if (h == hosts->chosen && request->public_of &&
			    object_has(object, (unsigned int)secret))
				look(host, object, (unsigned int)secret, (unsigned int)public,
				     request);
		}
	}
}
