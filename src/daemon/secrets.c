/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a setup to what the worker is told. Keys are read from their files here and nowhere else in
 * the daemon; they live in a vault.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vault.h"
#include "daemon/inside.h"
#include "lib/lib.h"

#define TAP_MTU_INITIAL 1500

static struct secrets *secrets_new(size_t peers)
{
	struct secrets *secrets = vault_new(sizeof(*secrets) + peers * sizeof(struct control_peer));

	if (!secrets)
		return NULL;
	secrets->config.peers = secrets->peers;
	secrets->config.n_peers = peers;
	secrets->config.tap_fd = secrets->config.udp4_fd = secrets->config.udp6_fd = -1;
	return secrets;
}

void secrets_free(struct secrets *secrets)
{
	vault_free(secrets);
}

static enum control_cipher cipher_of(const struct object *object, enum control_cipher otherwise)
{
	struct text word TEXT_CLEANUP = {0};
	int f = kind_field_find(object->kind, "cipher");

	if (f < 0 || !object_has(object, (unsigned int)f))
		return otherwise;
	object_print(object, (unsigned int)f, &word);
	for (int i = CONTROL_CIPHER_AUTO; i < CONTROL_CIPHER_COUNT; i++)
		if (text_same(control_cipher_name((enum control_cipher)i), text_get(&word)))
			return (enum control_cipher)i;
	return otherwise;
}

/* "192.0.2.1:51821", "[2001:db8::1]:51821", "[fe80::1%3]:51821". */
static int endpoint_get(const char *text, struct control_endpoint *endpoint, struct err *err)
{
	char host[64] = "";
	const char *colon = strrchr(text, ':'), *scope;
	bool six = text[0] == '[';
	int64_t number;

	if (!colon || text_number(colon + 1, 1, 65535, &number) ||
	    (six && (colon == text || colon[-1] != ']')) || (size_t)(colon - text) >= sizeof(host))
		return err_set(err, -EINVAL, "%.80s is not an address and port", text);
	*endpoint = (struct control_endpoint){.family = six ? 6 : 4, .port = (uint16_t)number};
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * six, text + six);
	scope = six ? strchr(host, '%') : NULL;
	if (scope) {
		if (text_number(scope + 1, 1, INT32_MAX, &number))
			return err_set(err, -EINVAL, "%.80s has no interface's number", text);
		endpoint->scope = (uint32_t)number;
		host[scope - host] = '\0';
	}
	if (inet_pton(six ? AF_INET6 : AF_INET, host, endpoint->address) != 1)
		return err_set(err, -EINVAL, "%.80s is not an address and port", text);
	return 0;
}

/* As the private key: the file's content is what counts, and the record has to speak of it. */
static int shared_key_take(struct object *object, const char *path, struct control_peer *peer,
			   struct arena *arena, struct err *err)
{
	const struct public_key *promised = object_value(object, "keys.shared-digest", &vtype_key);
	struct public_key digest;
	char text[45];

	if (key_private_read(path, peer->preshared_key, err) ||
	    key_digest_from(peer->preshared_key, &digest, err))
		return err->code;
	if (promised && memcmp(promised->bytes, digest.bytes, sizeof(digest.bytes)) != 0)
		return err_set(err, -EKEYREJECTED, "the key in %s is another one now", path);
	text_base64_put(digest.bytes, sizeof(digest.bytes), text);
	object_set(object, "keys.shared-digest", text, arena);
	peer->has_preshared_key = true;
	return 0;
}

static int peer_make(const struct setup_peer *from, struct control_peer *peer, struct arena *arena,
		     struct err *err)
{
	const struct object *object = from->object;
	const struct public_key *key = object_value(object, "keys.public", &vtype_key);
	const char *shared = object_text(object, "keys.shared");

	if (!key)
		return err_set(err, -EINVAL, "a peer without a public key");
	snprintf(peer->name, sizeof(peer->name), "%s", object_name(object));
	memcpy(peer->public_key, key->bytes, sizeof(peer->public_key));
	peer->cipher = cipher_of(object, CONTROL_CIPHER_INHERIT);
	peer->keepalive_s = (uint32_t)object_number(object, "keepalive", 0);
	peer->relay = object_number(object, "relay", 0);
	peer->mac_limit = (uint32_t)object_number(object, "mac-limit", 0);
	peer->storm_limit = (uint32_t)object_number(object, "storm-limit", 0);
	if (shared && shared_key_take((struct object *)object, shared, peer, arena, err))
		return err->code;
	return from->resolved ? endpoint_get(from->resolved, &peer->endpoint, err) : 0;
}

/* The file is what counts; the record must not speak of another key than it holds. */
static int private_key_take(struct setup *setup, struct control_config *config, struct err *err)
{
	const char *path = object_text(setup->object, "key");
	const struct public_key *promised = object_value(setup->object, "keys.public", &vtype_key);
	struct public_key public;
	char text[45];

	if (key_private_read(path, config->private_key, err) ||
	    key_public_from(config->private_key, &public, err))
		return err->code;
	if (promised && memcmp(promised->bytes, public.bytes, sizeof(public.bytes)) != 0) {
		err_set(err, -EKEYREJECTED, "the key in %s is not the private half of keys.public",
			path);
		return err_hint(err, "lanloom key public %s prints what belongs there", path);
	}
	text_base64_put(public.bytes, sizeof(public.bytes), text);
	object_set((struct object *)setup->object, "keys.public", text, &setup->arena);
	return 0;
}

static int by_key(const void *left, const void *right)
{
	const struct control_peer *const *a = left, *const *b = right;

	return memcmp((*a)->public_key, (*b)->public_key, sizeof((*a)->public_key));
}

/* A peer is its key: two of one would be one to the worker. */
static int peers_check(const struct secrets *secrets, struct err *err)
{
	size_t len = secrets->config.n_peers;
	const struct control_peer **sorted = calloc(len + 1, sizeof(*sorted));
	int r = 0;

	if (!sorted)
		abort();
	for (size_t i = 0; i < len; i++)
		sorted[i] = &secrets->peers[i];
	qsort(sorted, len, sizeof(*sorted), by_key);
	for (size_t i = 1; !r && i < len; i++)
		if (by_key(&sorted[i - 1], &sorted[i]) == 0)
			r = err_set(err, -EEXIST, "the peers %s and %s have one public key",
				    sorted[i - 1]->name, sorted[i]->name);
	free(sorted);
	return r;
}

int secrets_make(struct setup *setup, struct secrets **out, struct err *err)
{
	struct secrets *secrets = secrets_new(setup->len);
	struct control_config *config = secrets ? &secrets->config : NULL;
	int r;

	if (!secrets)
		return err_set(err, -ENOMEM, "no memory for keys");
	snprintf(config->name, sizeof(config->name), "%s", object_name(setup->object));
	config->cipher = cipher_of(setup->object, CONTROL_CIPHER_AUTO);
	config->segment = (uint32_t)object_number(setup->object, "segment", 0);
	config->n_lanes = (uint32_t)object_number(setup->object, "lanes", 1);
	config->mtu = TAP_MTU_INITIAL; /* until the device is looked at */
	r = private_key_take(setup, config, err);
	for (size_t i = 0; !r && i < setup->len; i++) {
		r = peer_make(&setup->peers[i], &secrets->peers[i], &setup->arena, err);
		if (r)
			err_context(err, "peer %s", object_name(setup->peers[i].object));
	}
	if (!r)
		r = peers_check(secrets, err);
	if (r) {
		secrets_free(secrets);
		return r;
	}
	*out = secrets;
	return 0;
}
