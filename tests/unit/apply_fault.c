/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transactions on the fake world: every pair of states below is run with a refusal, and with a lost
 * acknowledgement, at each breath in turn, and undisturbed; then back again. After a refusal the
 * state is the old one to the last record; after A→B→nothing what stood there before stands there
 * again.
 */
#include <errno.h>
#include <setjmp.h>

#include "base/sanitized.h"

#if SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

#include "world.h"

/* A run that is jumped out of frees nothing, as a killed one: what it allocates is no leak. */
#if SANITIZED
#define MORTAL(begins) ((begins) ? __lsan_disable() : __lsan_enable())
#else
#define MORTAL(begins) ((void)(begins))
#endif

static const char *const foreign =
	"ethernet / name=eth0 mtu=1500 up=true ifindex=2 macaddress=52:54:00:00:00:01\n"
	"ethernet / name=eth1 mtu=1500 up=true ifindex=3 macaddress=52:54:00:00:00:02\n"
	"bridge / name=virbr0 mtu=1500 up=true ifindex=4 macaddress=52:54:00:00:00:03\n"
	"address / device=eth0 address=192.0.2.1/24\n"
	"address / device=eth1 address=198.51.100.1/24\n"
	"address / device=eth1 address=2001:db8::1/64\n"
	"route / to=default via=192.0.2.254 device=eth0\n";

static const char *const texts[] = {
	"",
	/* a bridge with ports and addresses, one of them somebody's NIC */
	"bridge / name=br0 mtu=1500 up=true macaddress=02:00:00:00:00:01\n"
	"tap / name=tap0 up=true\n"
	"port / device=tap0 bridge=br0\n"
	"port / device=eth1 bridge=br0\n"
	"address / device=br0 address=10.0.0.1/24\n"
	"route / to=10.1.0.0/16 via=10.0.0.254 device=br0\n",
	/* other values, and a veth into a namespace */
	"bridge / name=br0 mtu=1400 up=true macaddress=02:00:00:00:00:02\n"
	"namespace / name=ns1\n"
	"veth / name=v0 up=true peer=ns1/v1\n"
	"veth ns1/ name=v1 up=true peer=/v0\n"
	"port / device=v0 bridge=br0\n"
	"address ns1/ device=v1 address=10.0.0.2/24\n"
	"address / device=br0 address=10.0.1.1/24\n",
	/* the veth gets another peer: a replacement */
	"bridge / name=br0 mtu=1400 up=true macaddress=02:00:00:00:00:02\n"
	"namespace / name=ns1\n"
	"veth / name=v0 up=true peer=ns1/v2\n"
	"veth ns1/ name=v2 up=true peer=/v0\n"
	"port / device=v0 bridge=br0\n"
	"address ns1/ device=v2 address=10.0.0.2/24\n",
	/* a foreign bridge and NIC that get something */
	"bridge / name=virbr0 existing=true up=true mtu=1400\n"
	"ethernet / name=eth1 up=true mtu=1200\n"
	"tap / name=tap0 up=true\n"
	"port / device=tap0 bridge=virbr0\n"
	"address / device=virbr0 address=10.0.0.1/24\n",
	/* a NIC moves into a namespace */
	"namespace / name=ns1\n"
	"ethernet ns1/ name=eth1 up=true mtu=1400\n"
	"address ns1/ device=eth1 address=10.0.0.1/24\n",
	/* a device of one name and another kind */
	"namespace / name=ns1\n"
	"veth / name=br0 up=true peer=ns1/v1\n"
	"veth ns1/ name=v1 up=true peer=/br0\n",
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

struct run_result {
	int code;
	enum result result;
	size_t breaths, left;
};

static struct run_result run(struct store *store, struct world *world, const char *text,
			     struct err *err)
{
	struct apply_outcome outcome;
	struct arena arena;
	struct state desired;
	struct apply_request request = {
		.store = store,
		.world = world,
		.name = "test",
		.file = "test.yaml",
		.command = "up test.yaml",
		.desired = &desired,
		.gone = !text[0],
	};
	struct run_result result;

	arena_init(&arena);
	state_read(&desired, &arena, text);
	result.code = apply_run(&request, &outcome, err);
	result.result = outcome.result;
	result.breaths = outcome.plan.breath_count;
	result.left = outcome.left.len;
	if (outcome.result == RESULT_PARTIAL)
		for (size_t i = 0; i < outcome.diag.error_count; i++)
			printf("# %s: %s\n", outcome.diag.errors[i].object,
			       outcome.diag.errors[i].message);
	for (size_t i = 0; outcome.result == RESULT_PARTIAL && i < outcome.left.len; i++) {
		struct text left TEXT_CLEANUP = {0};

		record_put(outcome.left.objects[i], &left);
		printf("# left: %s\n", text_get(&left));
	}
	apply_outcome_fini(&outcome);
	arena_fini(&arena);
	return result;
}

struct scene {
	struct store store;
	struct world *world;
	struct arena arena;
	struct text at_first;
};

static void scene_open(struct scene *scene)
{
	struct state state;
	struct err err;

	*scene = (struct scene){0};
	arena_init(&scene->arena);
	state_read(&state, &scene->arena, foreign);
	scene->world = world_fake_new(&state);
	state_print(world_fake_state(scene->world), &scene->at_first);
	CHECK(store_open(&scene->store, true, &err) == 0);
}

static void scene_close(struct scene *scene)
{
	struct err err;

	if (store_committed(&scene->store, "test"))
		CHECK(store_forget(&scene->store, "test", &err) == 0);
	store_close(&scene->store);
	scene->world->ops->free(scene->world);
	arena_fini(&scene->arena);
	text_fini(&scene->at_first);
}

static void check_up(struct scene *scene, const char *text)
{
	struct err err = {0};
	struct run_result result = run(&scene->store, scene->world, text, &err);

	if (result.code)
		printf("# %s: %s\n# for:\n%s", err.object, err.message, text);
	CHECK(result.code == 0);
	CHECK(result.result == RESULT_APPLIED || result.result == RESULT_UNCHANGED);
	result = run(&scene->store, scene->world, text, &err);
	CHECK(result.code == 0 && result.breaths == 0);
	CHECK(result.result == RESULT_UNCHANGED);
}

static void check_state(const struct scene *scene, const struct text *want, const char *when)
{
	struct text have TEXT_CLEANUP = {0};

	state_print(world_fake_state(scene->world), &have);
	if (!text_same(text_get(&have), text_get(want)))
		printf("# %s\n# have:\n%s# want:\n%s", when, text_get(&have), text_get(want));
	CHECK(text_same(text_get(&have), text_get(want)));
}

/* Refused at breath n: as before. Returns false when the run has no breath n before its commit. */
static bool refuse_at(struct scene *scene, const char *text, int n,
		      void (*refuse)(struct world *world, int n))
{
	struct text before TEXT_CLEANUP = {0};
	struct err err = {0};
	struct run_result result;

	state_print(world_fake_state(scene->world), &before);
	refuse(scene->world, n);
	result = run(&scene->store, scene->world, text, &err);
	refuse(scene->world, -1);
	if (result.code == 0)
		return false;
	CHECK(err.code == -ENOBUFS);
	CHECK(err.object[0] != 0);
	CHECK(result.result == RESULT_ROLLED_BACK);
	check_state(scene, &before, "after a refusal");
	return true;
}

static unsigned int refusals;

static void pair_struck(const char *from, const char *to,
			void (*refuse)(struct world *world, int n))
{
	struct scene scene;

	for (int n = 0;; n++) {
		bool refused;

		scene_open(&scene);
		if (from[0])
			check_up(&scene, from);
		refused = refuse_at(&scene, to, n, refuse);
		if (refused) {
			refusals++;
			check_up(&scene, to);
		}
		check_up(&scene, "");
		check_state(&scene, &scene.at_first, "after down");
		scene_close(&scene);
		if (!refused || test_bad)
			break;
	}
}

static void pair_refused(const char *from, const char *to)
{
	pair_struck(from, to, world_fake_refuse);
}

static void pair_unacknowledged(const char *from, const char *to)
{
	pair_struck(from, to, world_fake_lose);
}

static void every_pair(void (*run_pair)(const char *from, const char *to), size_t first)
{
	for (size_t i = 0; i < TEXTS * TEXTS && !test_bad; i++) {
		size_t from = i / TEXTS, to = i % TEXTS;

		if (from == to || to < first)
			continue;
		run_pair(texts[from], texts[to]);
		if (test_bad)
			printf("# pair %zu -> %zu\n", from, to);
	}
}

static void every_pair_refused_at_every_breath(void)
{
	every_pair(pair_refused, 1);
	printf("# %u refusals\n", refusals);
	CHECK(refusals > 100);
}

static void every_pair_unacknowledged_at_every_breath(void)
{
	refusals = 0;
	every_pair(pair_unacknowledged, 1);
	printf("# %u acknowledgements lost\n", refusals);
	CHECK(refusals > 100);
}

static jmp_buf killed;

static void kill_here(struct state *state, void *data)
{
	longjmp(killed, 1);
}

static void run_until_killed(struct scene *scene, const char *text)
{
	struct err err = {0};

	run(&scene->store, scene->world, text, &err);
}

/* lanloom dies between journal and kernel at breath n; the next one finds the journal. */
static bool kill_at(struct scene *scene, const char *text, int n, const struct text *old,
		    const struct text *new)
{
	struct text have TEXT_CLEANUP = {0};
	struct err err = {0};
	int r;

	world_fake_meanwhile(scene->world, kill_here, NULL, n);
	MORTAL(true);
	if (!setjmp(killed)) {
		run_until_killed(scene, text);
		MORTAL(false);
		world_fake_meanwhile(scene->world, NULL, NULL, -1);
		return false;
	}
	MORTAL(false);
	world_fake_meanwhile(scene->world, NULL, NULL, -1);
	CHECK(store_reload(&scene->store, &err) == 0);
	r = apply_recover(&scene->store, scene->world, &err);
	if (r < 0)
		printf("# %s\n", err.message);
	CHECK(r == RECOVER_UNDONE || r == RECOVER_FINISHED);
	state_print(world_fake_state(scene->world), &have);
	if (r == RECOVER_UNDONE)
		check_state(scene, old, "after a kill before the commit");
	else
		check_state(scene, new, "after a kill behind the commit");
	CHECK(apply_recover(&scene->store, scene->world, &err) == RECOVER_NOTHING);
	return true;
}

static unsigned int kills;

static void pair_killed(const char *from, const char *to)
{
	struct text new TEXT_CLEANUP = {0};
	struct scene scene;
	bool was_killed = true;

	scene_open(&scene);
	if (from[0])
		check_up(&scene, from);
	check_up(&scene, to);
	state_print(world_fake_state(scene.world), &new);
	scene_close(&scene);
	for (int n = 0; was_killed && !test_bad; n++) {
		struct text old TEXT_CLEANUP = {0};

		scene_open(&scene);
		if (from[0])
			check_up(&scene, from);
		state_print(world_fake_state(scene.world), &old);
		world_fake_restart(scene.world);
		was_killed = kill_at(&scene, to, n, &old, &new);
		kills += was_killed;
		check_up(&scene, "");
		check_state(&scene, &scene.at_first, "after down");
		scene_close(&scene);
	}
}

static void every_pair_killed_at_every_breath(void)
{
	every_pair(pair_killed, 0);
	printf("# %u kills\n", kills);
	CHECK(kills > 150);
}

/* Another process gives tap0 another name, and the run is refused then. */
static void rename_tap(struct state *state, void *data)
{
	struct object *tap = state_named(state, "tap", "", "tap0");

	CHECK(tap != NULL);
	object_set(tap, "name", "mine", state->arena);
	state_sort(state);
}

static void what_was_renamed_meanwhile_is_taken_back(void)
{
	static const char text[] = "tap / name=tap0 up=true\n"
				   "tap / name=tap1 up=true\n"
				   "tap / name=tap2 up=true\n";
	struct text before TEXT_CLEANUP = {0};
	struct err err = {0};
	struct scene scene;

	scene_open(&scene);
	state_print(world_fake_state(scene.world), &before);
	world_fake_meanwhile(scene.world, rename_tap, NULL, 1);
	world_fake_refuse(scene.world, 2);
	CHECK(run(&scene.store, scene.world, text, &err).result == RESULT_ROLLED_BACK);
	CHECK(err.code == -ENOBUFS);
	world_fake_meanwhile(scene.world, NULL, NULL, -1);
	world_fake_refuse(scene.world, -1);
	check_state(&scene, &before, "after a device was renamed by somebody");
	scene_close(&scene);
}

static const struct world_ops *honest;
static int lies;

/* "It is gone", of what is there. */
static int apply_lying(struct world *world, const struct breath *breath, struct err *err)
{
	if (breath->steps[breath->leader].after || lies-- <= 0)
		return honest->apply(world, breath, err);
	return err_set(err, -ENODEV, "there is no such device");
}

/* Twice, as a deletion is tried twice; in `down`, and in the way back of a refused `up`. */
static void what_is_said_to_be_gone_is_looked_for(void)
{
	static const char text[] = "tap / name=tap0 up=true\ntap / name=tap1 up=true\n"
				   "address / device=eth0 address=10.0.0.1/24\n";
	struct text before TEXT_CLEANUP = {0};
	struct world_ops ops;
	struct err err = {0};
	struct scene scene;

	scene_open(&scene);
	honest = scene.world->ops;
	ops = *honest;
	ops.apply = apply_lying;
	scene.world->ops = &ops;
	lies = 0;
	check_up(&scene, text);
	lies = 2;
	check_up(&scene, "");
	check_state(&scene, &scene.at_first, "after down");
	state_print(world_fake_state(scene.world), &before);
	lies = 1;
	world_fake_refuse(scene.world, 2);
	CHECK(run(&scene.store, scene.world, text, &err).result == RESULT_ROLLED_BACK);
	world_fake_refuse(scene.world, -1);
	check_state(&scene, &before, "after a refusal");
	scene.world->ops = honest;
	scene_close(&scene);
}

static bool blind;

static int apply_blinding(struct world *world, const struct breath *breath, struct err *err)
{
	blind = honest->apply(world, breath, err) != 0;
	return blind ? err->code : 0;
}

static int read_blind(struct world *world, const struct state *wanted, struct state *out,
		      struct err *err)
{
	return blind ? err_set(err, -EPERM, "reading was refused")
		     : honest->read(world, wanted, out, err);
}

/* Nothing can be taken back by looking: all of it is named, and the journal stays for the next. */
static void what_cannot_be_looked_at_is_left_to_the_next(void)
{
	static const char text[] = "tap / name=tap0 up=true\ntap / name=tap1 up=true\n"
				   "address / device=eth0 address=10.0.0.1/24\n";
	struct text before TEXT_CLEANUP = {0};
	struct run_result result;
	struct world_ops ops;
	struct err err = {0};
	struct scene scene;

	scene_open(&scene);
	state_print(world_fake_state(scene.world), &before);
	honest = scene.world->ops;
	ops = *honest;
	ops.apply = apply_blinding;
	ops.read = read_blind;
	scene.world->ops = &ops;
	world_fake_refuse(scene.world, 2);
	result = run(&scene.store, scene.world, text, &err);
	CHECK(result.result == RESULT_PARTIAL && result.left == 3);
	CHECK(err.code == -ENOBUFS && err.hint[0]);
	scene.world->ops = honest;
	world_fake_refuse(scene.world, -1);
	CHECK(apply_recover(&scene.store, scene.world, &err) == RECOVER_UNDONE);
	check_state(&scene, &before, "after the next command");
	scene_close(&scene);
}

int main(void)
{
	store_scratch();
	TEST(what_cannot_be_looked_at_is_left_to_the_next);
	TEST(what_is_said_to_be_gone_is_looked_for);
	TEST(what_was_renamed_meanwhile_is_taken_back);
	TEST(every_pair_killed_at_every_breath);
	TEST(every_pair_refused_at_every_breath);
	TEST(every_pair_unacknowledged_at_every_breath);
	store_scratch_remove();
	return test_done();
}
