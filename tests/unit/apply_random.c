/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random pairs of states on the fake world: A, B, A again ends in A, and nothing ends in nothing.
 * A failing pair prints its seed; RANDOM_PAIRS and RANDOM_SEED run more, or one again.
 */
#include <errno.h>

#include "world.h"

static uint64_t dice;

static unsigned int roll(unsigned int sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(dice >> 33) % sides;
}

static const char *const spaces[] = {"", "ns1", "ns2"};

struct names {
	const char *list[24];
	unsigned int len;
};

static void device(struct text *out, struct names *names, const char *ns, const char *kind,
		   const char *name, const char *extra)
{
	text_add(out, "%s %s/ name=%s up=%s%s", kind, ns, name, roll(8) ? "true" : "false", extra);
	if (roll(2))
		text_add(out, " mtu=%u", 1300 + 100 * roll(3));
	if (roll(4) == 0)
		text_add(out, " alias=note%u", roll(3));
	text_add(out, "\n");
	names->list[names->len++] = name;
}

static void children(struct text *out, const char *ns, const struct names *names,
		     const char *bridge)
{
	for (unsigned int i = 0; i < names->len; i++) {
		const char *name = names->list[i];

		if (roll(3) == 0)
			text_add(out, "address %s/ device=%s address=10.%u.%u.1/24\n", ns, name,
				 roll(4), i);
		if (roll(5) == 0)
			text_add(out, "address %s/ device=%s address=fd00:%u::%u/64\n", ns, name,
				 roll(4), i);
		if (bridge && strcmp(name, bridge) != 0 && roll(2))
			text_add(out, "port %s/ device=%s bridge=%s%s\n", ns, name, bridge,
				 roll(3) ? "" : " priority=7");
	}
}

static void one_space(struct text *out, unsigned int n)
{
	static const char *const taps[] = {"tap0", "tap1", "tap2"};
	const char *bridge = roll(4) ? "br0" : NULL, *ns = spaces[n];
	struct names names = {0};
	char extra[40] = "";

	if (bridge && roll(2))
		snprintf(extra, sizeof(extra), " parameters.ageing-time=%u", 100 + roll(3));
	if (bridge)
		device(out, &names, ns, "bridge", bridge, extra);
	for (unsigned int i = 0; i < 3; i++)
		if (roll(2))
			device(out, &names, ns, "tap", taps[i], "");
	if (n == 0 && roll(2))
		text_add(out, "ethernet / name=eth1 mtu=%u up=%s\n", 1200 + 100 * roll(3),
			 roll(4) ? "true" : "false");
	children(out, ns, &names, bridge);
}

/* A wire between two namespaces, or within one; its ends may be of any name that is not taken. */
static void wires(struct text *out, bool second)
{
	unsigned int a = roll(3), b = roll(3);
	const char *left = roll(2) ? "v0" : "v1", *right = roll(2) ? "w0" : "w1";

	if (second)
		left = "v2", right = "w2";
	if (a && b && a == b)
		return;
	text_add(out, "veth %s/ name=%s up=true peer=%s%s%s\n", spaces[a], left,
		 a == b ? "" : spaces[b], a == b ? "" : "/", right);
	text_add(out, "veth %s/ name=%s up=true peer=%s%s%s\n", spaces[b], right,
		 a == b ? "" : spaces[a], a == b ? "" : "/", left);
}

static void random_text(struct text *out)
{
	text_add(out, "namespace / name=ns1\nnamespace / name=ns2\n");
	for (unsigned int n = 0; n < 3; n++)
		one_space(out, n);
	for (int i = 0; i < 2; i++)
		if (roll(2))
			wires(out, i);
	if (!strstr(text_get(out), "ethernet /") && roll(3) == 0)
		text_add(out, "ethernet ns1/ name=eth1 up=true mtu=1400\n");
}

static const char *const foreign =
	"ethernet / name=eth0 mtu=1500 up=true ifindex=2 macaddress=52:54:00:00:00:01\n"
	"ethernet / name=eth1 mtu=1500 up=true alias= ifindex=3 macaddress=52:54:00:00:00:02\n"
	"address / device=eth1 address=198.51.100.1/24\n"
	"address / device=eth1 address=2001:db8::1/64\n"
	"route / to=10.9.0.0/16 via=198.51.100.254 device=eth1\n";

static int run(struct store *store, struct world *world, const char *text)
{
	struct apply_outcome outcome;
	struct arena arena;
	struct state desired;
	struct err err = {0};
	struct apply_request request = {
		.store = store,
		.world = world,
		.name = "random",
		.file = "random.yaml",
		.command = "up random.yaml",
		.desired = &desired,
		.gone = !text[0],
		.force = true,
	};
	int r;

	arena_init(&arena);
	state_read(&desired, &arena, text);
	r = apply_run(&request, &outcome, &err);
	if (r || outcome.result == RESULT_PARTIAL)
		printf("# %d %s %s: %s\n", r, result_words[outcome.result], err.object,
		       err.message);
	if (!r && outcome.result == RESULT_PARTIAL)
		r = -EIO;
	apply_outcome_fini(&outcome);
	arena_fini(&arena);
	return r;
}

static void print_world(struct world *world, struct text *out)
{
	text_clear(out);
	state_print(world_fake_state(world), out);
}

static bool pair(uint64_t seed)
{
	struct text a TEXT_CLEANUP = {0};
	struct text b TEXT_CLEANUP = {0};
	struct text before TEXT_CLEANUP = {0};
	struct text first TEXT_CLEANUP = {0};
	struct text now TEXT_CLEANUP = {0};
	struct store store;
	struct arena arena;
	struct state state;
	struct world *world;
	struct err err;
	bool good;

	dice = seed;
	random_text(&a);
	random_text(&b);
	arena_init(&arena);
	state_read(&state, &arena, foreign);
	world = world_fake_new(&state);
	print_world(world, &before);
	good = store_open(&store, true, &err) == 0 && run(&store, world, text_get(&a)) == 0;
	print_world(world, &first);
	good = good && run(&store, world, text_get(&b)) == 0 &&
	       run(&store, world, text_get(&a)) == 0;
	print_world(world, &now);
	if (good && !text_same(text_get(&now), text_get(&first)))
		good = false, printf("# A was:\n%s# A is:\n%s", text_get(&first), text_get(&now));
	good = run(&store, world, "") == 0 && good;
	print_world(world, &now);
	if (good && !text_same(text_get(&now), text_get(&before)))
		good = false,
		printf("# before:\n%s# after:\n%s", text_get(&before), text_get(&now));
	if (!good)
		printf("# seed %llu\n# A:\n%s# B:\n%s", (unsigned long long)seed, text_get(&a),
		       text_get(&b));
	if (store_committed(&store, "random"))
		store_forget(&store, "random", &err);
	store_close(&store);
	world->ops->free(world);
	arena_fini(&arena);
	return good;
}

static void random_pairs_return(void)
{
	const char *pairs = getenv("RANDOM_PAIRS"), *one = getenv("RANDOM_SEED");
	uint64_t from = one ? strtoull(one, NULL, 10) : 1;
	uint64_t to = one ? from : pairs ? strtoull(pairs, NULL, 10) : 300;

	for (uint64_t seed = from; seed <= to && !test_bad; seed++)
		CHECK(pair(seed));
	printf("# %llu pairs\n", (unsigned long long)(to - from + 1));
}

int main(void)
{
	store_scratch();
	TEST(random_pairs_return);
	store_scratch_remove();
	return test_done();
}
