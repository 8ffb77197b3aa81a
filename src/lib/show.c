/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network as it is: one read of all namespaces, each device with what belongs to it, and the
 * store's word on whose it is. Which kinds hang on a device, and under which key, the tables say.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "model/describe.h"
#include "sys/netns.h"
#include "sys/process.h"
#include "world/keeper_door.h"

#define NOT_SHOWN FIELD_INNER

struct looking {
	struct visit visit;
	struct state actual;
	const char **names; /* of the namespaces that are shown */
	size_t name_count;
	struct answer answer;
};

static int namespace_want(const char *name, void *data)
{
	struct state *wanted = data;
	struct object *object = object_make(wanted->arena, kind_find("namespace"), "");
	int key = kind_field_find(object->kind, "name");
	struct err err;

	/* a name that no description could have is none of lanloom's */
	if (object_parse(object, (unsigned int)key, name, (struct place){0}, wanted->arena, &err))
		return 0;
	state_add(wanted, object);
	return 0;
}

/*
 * Names of namespaces are machine-wide. In the machine's first namespace all of them are shown;
 * elsewhere (a "host" made of namespaces) those that the descriptions here name: the others are
 * another's.
 */
static bool in_first_namespace(const struct store *store)
{
	return !text_starts(store->lasting, store->folder);
}

/* Everything, and what descriptions named besides (sysctls). */
static int look(struct looking *looking, struct err *err)
{
	struct visit *visit = &looking->visit;
	struct state wanted;

	state_init(&wanted, &visit->arena);
	if (in_first_namespace(&visit->store))
		netns_list(namespace_want, &wanted);
	for (size_t i = 0; i < visit->store.len; i++)
		for (size_t j = 0; j < visit->store.committed[i]->len; j++)
			state_add(&wanted, visit->store.committed[i]->entries[j].object);
	state_sort(&wanted);
	looking->name_count = state_namespaces(&wanted, &visit->arena, &looking->names);
	state_init(&looking->actual, &visit->arena);
	return visit->world->ops->read(visit->world, &wanted, &looking->actual, err);
}

/* Whose it is: `managed` when lanloom made it, `description` also where it set keys of it. */
static void owner_tell(const struct looking *looking, const struct object *object, json_t *to)
{
	const struct store *store = &looking->visit.store;
	bool managed = false;

	for (size_t i = 0; i < store->len; i++) {
		const struct entry *entry = committed_find(store->committed[i], object);

		if (!entry || entry->claim == CLAIM_TAKEN || object_other(entry->object, object))
			continue;
		managed = managed || entry->claim == CLAIM_MADE;
		if (entry->claim == CLAIM_MADE || !json_object_get(to, "description"))
			json_object_set_new(to, "description",
					    describe_text(store->committed[i]->name));
	}
	/* where the store may not be read nobody can tell */
	json_object_set_new(to, "managed",
			    looking->visit.opened ? json_boolean(managed) : json_null());
}

static json_t *member(json_t *to, const char *key, json_t *(*make)(void))
{
	json_t *there = json_object_get(to, key);

	if (!there) {
		there = make();
		json_object_set_new(to, key, there);
	}
	return there;
}

/* The text that names a child in its owner's list: its key beside the owner. */
static const char *child_name(struct looking *looking, const struct object *child)
{
	struct text text TEXT_CLEANUP = {0};

	for (unsigned int i = 0; i < kind_field_count(child->kind); i++) {
		const struct field *field = kind_field(child->kind, i);

		if (!(field->flags & FIELD_KEY) || field->flags & FIELD_OWNER ||
		    !object_has(child, i))
			continue;
		object_print(child, i, &text);
		break;
	}
	return arena_text(&looking->visit.arena, text_get(&text));
}

/* addresses: [{…}]; interfaces: ["tap0"] beside ports: {"tap0": {…}}. */
static void children_describe(struct looking *looking, const struct object *device, json_t *to);

static void child_describe(struct looking *looking, const struct object *child, json_t *to)
{
	json_t *json = json_object();

	describe_fields(child, NOT_SHOWN | FIELD_OWNER, json);
	owner_tell(looking, child, json);
	if (child->automatic)
		json_object_set_new(json, "automatic", json_true());
	if (!object_name(child) && child->kind->flags & KIND_SLAVE)
		children_describe(looking, child, json);
	if (child->kind->listed_map) {
		const char *name = child_name(looking, child);

		json_array_append_new(member(to, child->kind->listed, json_array),
				      describe_text(name));
		json_object_set_new(member(to, child->kind->listed_map, json_object), name, json);
	} else if (child->kind->listing == LISTING_MAP) {
		json_object_set_new(member(to, child->kind->listed, json_object),
				    child_name(looking, child), json);
	} else {
		json_array_append_new(member(to, child->kind->listed, json_array), json);
	}
}

static void children_describe(struct looking *looking, const struct object *device, json_t *to)
{
	for (size_t i = 0; i < looking->actual.len; i++) {
		const struct object *child = looking->actual.objects[i];

		if (child != device && child->kind->listed && text_same(child->ns, device->ns) &&
		    child->kind->owner && kind_is(device->kind, child->kind->owner) &&
		    text_same(object_owner(child), object_title(device)))
			child_describe(looking, child, to);
	}
}

static json_t *device_describe(struct looking *looking, const struct object *device)
{
	/* a device that is down has no carrier to tell of, a TUN no MAC */
	static const char *const always[] = {"up", "carrier", "mtu", "macaddress"};
	const char *type = object_text(device, "type");
	json_t *json = json_object();

	json_object_set_new(json, "name", describe_text(object_name(device)));
	json_object_set_new(json, "namespace", describe_text(device->ns));
	/* a device without a table of its own is at least called what the kernel calls it */
	json_object_set_new(json, "kind",
			    describe_text(device->kind->flags & KIND_HIDDEN && type && type[0]
						  ? type
						  : device->kind->name));
	owner_tell(looking, device, json);
	describe_fields(device, NOT_SHOWN, json);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (!json_object_get(json, always[i]))
			json_object_set_new(json, always[i], json_null());
	json_object_set_new(json, "addresses", json_array());
	children_describe(looking, device, json);
	return json;
}

static void hold_tell(const struct process_hold *hold, void *data)
{
	json_t *devices = data, *device, *holder;
	size_t i;

	json_array_foreach(devices, i, device)
	{
		if (!text_same(json_string_value(json_object_get(device, "name")), hold->device))
			continue;
		/* the queue by which it keeps the carrier takes no packets */
		if (json_is_true(json_object_get(device, "keep-carrier")) &&
		    text_same(hold->command, "lanloomd"))
			continue;
		holder = json_object();
		json_object_set_new(holder, "pid", json_integer(hold->pid));
		json_object_set_new(holder, "command", describe_text(hold->command));
		if (hold->vm[0])
			json_object_set_new(holder, "vm", describe_text(hold->vm));
		if (hold->uuid[0])
			json_object_set_new(holder, "uuid", describe_text(hold->uuid));
		json_array_append_new(member(device, "holders", json_array), holder);
	}
}

static json_t *namespace_describe(struct looking *looking, const char *name)
{
	const struct object *object = state_named(&looking->actual, "namespace", "", name);
	json_t *json = json_object(), *devices = json_array();
	const struct object *device;
	struct err err;
	bool held = false;
	int fd FD_CLEANUP = -1;

	json_object_set_new(json, "name", describe_text(name));
	if (object)
		owner_tell(looking, object, json);
	for (size_t i = 0; (device = state_next(&looking->actual, "link", &i));) {
		if (!text_same(device->ns, name))
			continue;
		json_array_append_new(devices, device_describe(looking, device));
		held = held || device->kind->door == DOOR_TUN;
	}
	json_object_set_new(json, "devices", devices);
	if (held && netns_open(name, &fd, &err) == 0)
		process_holds(fd, hold_tell, devices);
	return json;
}

/* Who may not read the store may still be one whom the keeper answers: see the manual, FILES. */
static json_t *services_describe(struct looking *looking)
{
	const char *folder = looking->visit.store.folder;
	struct err err = {0};
	json_t *status;

	if (folder[0] && keeper_status(folder, &status, &err) == 0)
		return status;
	if (err.code && looking->visit.opened)
		diag_warn(&looking->answer.diag, &err);
	return NULL;
}

static json_t *device_of(json_t *namespaces, const json_t *service)
{
	json_t *space, *device;
	size_t i, k;

	json_array_foreach(namespaces, i, space)
	{
		if (!json_equal(json_object_get(space, "name"),
				json_object_get(service, "namespace")))
			continue;
		json_array_foreach(
			json_object_get(space, "devices"), k,
			device) if (json_equal(json_object_get(device, "name"),
					       json_object_get(service, "name"))) return device;
	}
	return NULL;
}

/* What keeps the keeper from keeping a carrier is told with the device. */
static void carriers_describe(json_t *namespaces, const json_t *carriers)
{
	json_t *one, *device, *problem;
	size_t i;

	json_array_foreach(carriers, i, one)
	{
		problem = json_object_get(one, "problem");
		device = problem ? device_of(namespaces, one) : NULL;
		if (device)
			json_object_set(device, "problem", problem);
	}
}

/* The keeper's list of tunnels; NULL: nobody answers. */
static json_t *tunnels_describe(struct looking *looking)
{
	json_t *status = services_describe(looking);
	json_t *tunnels = json_incref(json_object_get(status, "tunnels"));

	json_decref(status);
	return tunnels;
}

/* "name", or "namespace/name". */
static bool is_called(const json_t *one, const char *key, const char *name)
{
	const char *own = json_string_value(json_object_get(one, key));
	const char *ns = json_string_value(json_object_get(one, "namespace"));
	size_t size = ns ? strlen(ns) : 0;

	return own && (text_same(own, name) || (ns && text_starts(name, ns) && name[size] == '/' &&
						text_same(own, name + size + 1)));
}

/* Keeps those of a list that are meant: by their name, and a device's ports with it. */
static void list_narrow(json_t *list, const char *name)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *one = json_array_get(list, i);

		if (!is_called(one, "name", name) && !is_called(one, "master", name))
			json_array_remove(list, i);
	}
}

static void narrow(json_t *document, const char *name)
{
	json_t *namespaces = json_object_get(document, "namespaces");

	list_narrow(json_object_get(document, "tunnels"), name);
	list_narrow(json_object_get(document, "networks"), name);
	for (size_t i = json_array_size(namespaces); i-- > 0;) {
		json_t *one = json_array_get(namespaces, i);
		json_t *devices = json_object_get(one, "devices");

		if (text_same(json_string_value(json_object_get(one, "name")), name))
			continue;
		list_narrow(devices, name);
		if (!json_array_size(devices))
			json_array_remove(namespaces, i);
	}
}

/* The nearest name there is, for a NAME that nothing has. */
static void name_unknown(struct looking *looking, const char *name)
{
	struct arena *arena = &looking->visit.arena;
	const struct state *actual = &looking->actual;
	const char **words = arena_alloc(arena, (actual->len * 2 + 1) * sizeof(*words));
	const char *nearest;
	struct err err = {0};
	size_t len = 0;

	for (size_t i = 0; i < actual->len; i++) {
		if (!object_name(actual->objects[i]))
			continue;
		words[len++] = object_name(actual->objects[i]);
		if (actual->objects[i]->ns[0])
			words[len++] = object_label(actual->objects[i], arena);
	}
	nearest = text_nearest(name, words);
	err_set(&err, -ENOENT, "no device, namespace or tunnel has this name");
	err_at(&err, name, (struct place){0});
	if (nearest)
		err_hint(&err, "lanloom show %s", nearest);
	answer_fail(&looking->answer, &err);
}

static bool looking_open(struct looking *looking, const struct loom *loom)
{
	struct err err = {0};

	answer_init(&looking->answer);
	if (visit_look(&looking->visit, loom, &looking->answer.diag, &err) == 0 &&
	    look(looking, &err) == 0)
		return true;
	answer_fail(&looking->answer, &err);
	return false;
}

enum loom_status loom_show(struct loom *loom, const char *name, struct loom_doc **doc)
{
	struct looking looking;
	json_t *namespaces = json_array(), *document, *status;

	if (!looking_open(&looking, loom)) {
		json_decref(namespaces);
		visit_close(&looking.visit);
		return answer_end(&looking.answer, doc);
	}
	document = looking.answer.json;
	for (size_t i = 0; i < looking.name_count; i++)
		if (!looking.names[i][0] ||
		    state_named(&looking.actual, "namespace", "", looking.names[i]))
			json_array_append_new(namespaces,
					      namespace_describe(&looking, looking.names[i]));
	json_object_set_new(document, "namespaces", namespaces);
	networks_hindered(&looking.visit.store, &looking.visit.arena, &looking.answer.diag);
	status = services_describe(&looking);
	carriers_describe(namespaces, json_object_get(status, "carriers"));
	json_object_set_new(document, "networks",
			    networks_describe(&looking.visit.store, &looking.actual,
					      json_object_get(status, "networks")));
	json_object_set_new(document, "tunnels",
			    json_incref(json_object_get(status, "tunnels")) ?: json_array());
	json_decref(status);
	if (name) {
		narrow(document, name);
		if (!json_array_size(namespaces) &&
		    !json_array_size(json_object_get(document, "tunnels")))
			name_unknown(&looking, name);
	}
	visit_close(&looking.visit);
	return answer_end(&looking.answer, doc);
}

enum loom_status loom_tunnel(struct loom *loom, const char *name, struct loom_doc **doc)
{
	struct looking looking = {0};
	struct err err = {0};
	json_t *tunnels;
	int r;

	answer_init(&looking.answer);
	r = visit_open(&looking.visit, loom, VISIT_LOOK, &err);
	tunnels = tunnels_describe(&looking);
	if (!tunnels && r) {
		answer_fail(&looking.answer, &err);
		visit_close(&looking.visit);
		return answer_end(&looking.answer, doc);
	}
	tunnels = tunnels ? tunnels : json_array();
	json_object_set_new(looking.answer.json, "tunnels", tunnels);
	if (name) {
		list_narrow(tunnels, name);
		if (!json_array_size(tunnels)) {
			err_set(&err, -ENOENT, "no tunnel of this name is up");
			err_at(&err, name, (struct place){0});
			err_hint(&err, "lanloom tunnel shows those that are");
			answer_fail(&looking.answer, &err);
		}
	}
	visit_close(&looking.visit);
	return answer_end(&looking.answer, doc);
}
