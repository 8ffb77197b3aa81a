/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `peers: all` and `peers: [alpha, beta]`: the far host's endpoint, the port of its tunnel of the
 * same name, and its public key unless that tunnel names its own, are put together to a peer.
 */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

/* What stands at the other end: the object of the same kind, namespace and name. */
static const struct loaded *far_end(const struct host *far, const struct object *near)
{
	for (size_t i = 0; i < far->load.len; i++) {
		const struct object *object = far->load.loaded[i].object;

		if (object->kind == near->kind && text_same(object->ns, near->ns) &&
		    text_same(object_name(object), object_name(near)))
			return &far->load.loaded[i];
	}
	return NULL;
}

static void set(struct load *load, struct object *peer, const char *key, const char *text,
		struct place place)
{
	int i = field_exact(peer->kind, key);
	struct err err;

	if (i < 0 || !text)
		return;
	if (object_parse(peer, (unsigned int)i, text, place, load->arena, &err)) {
		err_at(&err, object_label(peer, load->arena), place);
		load_err(load, &err);
	}
}

static const char *public_of(const struct host *far, const struct object *end, struct arena *arena)
{
	int i = field_public(end->kind);
	struct text text TEXT_CLEANUP = {0};

	if (i < 0 || !object_has(end, (unsigned int)i))
		return far->public_key;
	object_print(end, (unsigned int)i, &text);
	return arena_text(arena, text_get(&text));
}

/* Two hosts behind NAT: neither could begin. Told of `all` it is no fault of the file. */
static void refuse_mute(struct load *load, const struct far_peer *wanted, const struct host *own,
			const struct host *far)
{
	static const char message[] =
		"neither %s nor %s has an endpoint, so neither can begin; expected one of at least "
		"one of them";
	const char *label = object_label(wanted->owner, load->arena);

	if (wanted->host)
		load_error(load, wanted->place, label, message, own->name, far->name);
	else if (strcmp(own->name, far->name) < 0) /* once for the two */
		diag_warning(load->diag, wanted->place, label, message, own->name, far->name);
}

static void make_peer(struct load *load, const struct far_peer *wanted, const struct host *own,
		      const struct host *far, const struct loaded *far_loaded)
{
	const struct object *end = far_loaded->object;
	const char *public = public_of(far, end, load->arena);
	const char *label = object_label(wanted->owner, load->arena);
	int64_t port = object_number(end, "port", 0);
	struct object *peer;
	size_t at;

	if (!public) {
		err_hint(load_error(load, wanted->place, label,
				    "the peer %s has no public key (host in line %u); expected "
				    "keys.public there",
				    far->name, far->place.line),
			 "hosts: {%s: {keys: {public: KEY}}}", far->name);
		return;
	}
	if (!far->endpoint && !own->endpoint) {
		refuse_mute(load, wanted, own, far);
		return;
	}
	if (far->endpoint && !port) {
		if (!far_loaded->faulty) /* else the port may be just what was refused */
			load_error(load, wanted->place, label,
				   "%s of host %s has no port (line %u); expected one: its peers "
				   "send there",
				   object_name(end), far->name, end->place.line);
		return;
	}
	peer = child_make(load, wanted->owner, wanted->kind, wanted->place);
	set(load, peer, "name", far->name, wanted->place);
	set(load, peer, kind_field(peer->kind, (unsigned int)field_public(peer->kind))->key, public,
	    wanted->place);
	if (far->endpoint)
		set(load, peer, "endpoint",
		    arena_print(load->arena, strchr(far->endpoint, ':') ? "[%s]:%lld" : "%s:%lld",
				far->endpoint, (long long)port),
		    wanted->place);
	at = load_add(load, peer, wanted->owner, FORM_LISTED);
	for (size_t i = 0; i < load->state->len; i++)
		if (object_order(load->state->objects[i], peer) == 0) {
			load_error(load, wanted->place, label,
				   "the peer %s stands here twice%s; expected it once", far->name,
				   load_line(load, load->state->objects[i]->place));
			load->len = at;
			return;
		}
	state_add(load->state, peer);
}

static void unknown_peer(const struct hosts *hosts, struct load *load,
			 const struct far_peer *wanted)
{
	struct words words = {.arena = load->arena};
	const char *near;
	struct err *err;

	for (size_t i = 0; i < hosts->len; i++)
		words_add(&words, hosts->hosts[i].name);
	near = words_nearest(load, &words, wanted->host);
	err = load_error(load, wanted->place, object_label(wanted->owner, load->arena),
			 "the peer %.60s is not a host of this file; it has %s", wanted->host,
			 words_join(&words, " and "));
	if (near)
		err_hint(err, "peers: [%s]", near);
}

/* A peer by name: the host itself is left out, so that one list serves all. */
static void one_peer(const struct hosts *hosts, struct host *own, const struct far_peer *wanted)
{
	bool known = false;

	for (size_t i = 0; i < hosts->len; i++) {
		const struct host *far = &hosts->hosts[i];
		const struct loaded *end;

		if (wanted->host && strcmp(wanted->host, far->name) != 0)
			continue;
		known = true;
		if (far == own)
			continue;
		end = far_end(far, wanted->owner);
		if (end)
			make_peer(&own->load, wanted, own, far, end);
		else if (wanted->host) /* `all` means all that have it */
			load_error(
				&own->load, wanted->place,
				object_label(wanted->owner, own->load.arena),
				"host %s has no %s called %s; expected the same name at both ends",
				far->name, wanted->owner->kind->name, object_name(wanted->owner));
	}
	if (!known && wanted->host)
		unknown_peer(hosts, &own->load, wanted);
}

void hosts_peers(const struct hosts *hosts)
{
	for (size_t i = 0; i < hosts->len; i++) {
		struct host *own = &hosts->hosts[i];

		for (size_t k = 0; k < own->load.peer_count; k++)
			one_peer(hosts, own, &own->load.peers[k]);
	}
}
