/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A private key stands in a file of its own. Its public half goes into the state, so that a
 * changed key is a change; and it has to be the one that the file tells the other hosts. Of a key
 * that two ends share there is no such half: a digest goes into the state.
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

/* A key file that cannot be read: whether that is an error is for the caller to say. */
static void unreadable(const struct host *host, const struct object *object, unsigned int secret,
		       const struct conf_request *request, struct err *err)
{
	struct load *load = (struct load *)&host->load;

	err_at(err, object_label(object, load->arena), object_place(object, secret));
	if (request->keys_needed) {
		load_err(load, err);
	} else {
		err->code = 0;
		diag_warn(load->diag, err);
	}
}

static void look(const struct host *host, struct object *object, unsigned int secret,
		 unsigned int public, const struct conf_request *request)
{
	const char *path = *(const char *const *)object_at(object, secret);
	struct public_key key;
	struct err err;

	if (request->public_of(request->data, path, &key, &err) == 0)
		compare(host, object, secret, public, &key);
	else
		unreadable(host, object, secret, request, &err);
}

static void look_shared(const struct host *host, struct object *object, unsigned int secret,
			unsigned int digest, const struct conf_request *request)
{
	const char *path = *(const char *const *)object_at(object, secret);
	struct public_key key;
	struct err err;
	char have[45];

	if (request->digest_of(request->data, path, &key, &err)) {
		unreadable(host, object, secret, request, &err);
		return;
	}
	print_key(&key, have);
	object_parse(object, digest, have, object_place(object, secret), host->load.arena, &err);
}

/* `chosen`: of the host that is meant, whose files are here. */
static void object_secrets(const struct host *host, struct object *object, bool chosen,
			   const struct conf_request *request)
{
	int secret = field_secret(object->kind);
	int public = field_public(object->kind);
	int digest = field_digest(object->kind);

	if (secret < 0)
		return;
	if (public >= 0 && !object->kind->owner)
		take_host_key(host, object, (unsigned int)public);
	if (!chosen || !object_has(object, (unsigned int)secret))
		return;
	if (digest >= 0 && request->digest_of)
		look_shared(host, object, (unsigned int)secret, (unsigned int)digest, request);
	else if (public >= 0 && !object->kind->owner && request->public_of)
		look(host, object, (unsigned int)secret, (unsigned int)public, request);
}

void hosts_secrets(const struct hosts *hosts, const struct conf_request *request)
{
	for (size_t h = 0; h < hosts->len; h++) {
		const struct host *host = &hosts->hosts[h];

		for (size_t i = 0; i < host->load.state->len; i++)
			object_secrets(host, host->load.state->objects[i], h == hosts->chosen,
				       request);
	}
}
