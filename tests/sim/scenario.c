/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a seed means. Bad times, in which one to four things are wrong at once, take turns with
 * calm ones, in which promises must be kept.
 *
 * No scenario asks for what the protocol cannot give: node 0 is the only one that moves about and
 * its wall clock is right, so no two peers lose each other's place at once; a host whose wall clock
 * ran back is refused as an initiator, and must be one that somebody else will initiate to.
 */
#include "sim/sim.h"

uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

const char *fault_name(enum fault_kind kind)
{
	static const char *const names[] = {
#define FAULT_NAME(word, name) [FAULT_##word] = name,
		FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == FAULT_COUNT, "a name each");

	return names[kind];
}

static const char *shape_name(enum shape shape)
{
	static const char *const names[] = {
#define SHAPE_NAME(word, name) [SHAPE_##word] = name,
		SHAPE_LIST(SHAPE_NAME)
#undef SHAPE_NAME
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == SHAPE_COUNT, "a name each");

	return names[shape];
}

bool scenario_peers(const struct scenario *scenario, int i, int j)
{
	return i != j && (scenario->shape != SHAPE_STAR || i == 1 || j == 1);
}

bool scenario_knows(const struct scenario *scenario, int i, int j)
{
	bool half = scenario->shape == SHAPE_STAR || scenario->shape == SHAPE_HALF;

	return scenario_peers(scenario, i, j) && !(half && i == 1);
}

bool scenario_clock_is_wrong(const struct scenario *scenario, int node)
{
	for (int i = 0; i < scenario->n_faults; i++)
		if (scenario->faults[i].kind == FAULT_WALL && scenario->faults[i].node == node)
			return true;
	return false;
}

/*
 * Who does not know where the other is, or whose clock ran back so that he is refused, needs
 * the other to say something, too.
 */
bool scenario_may_speak_alone(const struct scenario *scenario, int i, int j)
{
	return scenario->shape != SHAPE_STAR && scenario_knows(scenario, i, j) &&
	       !scenario_clock_is_wrong(scenario, i);
}

static void draw_shape(struct scenario *scenario, uint64_t *random)
{
	static const struct {
		enum shape shape;
		int n;
	} shapes[] = {{SHAPE_PAIR, 2}, {SHAPE_PAIR, 2}, {SHAPE_PAIR, 2}, {SHAPE_PAIR, 2},
		      {SHAPE_PAIR, 2}, {SHAPE_HALF, 2}, {SHAPE_HALF, 2}, {SHAPE_STAR, 3},
		      {SHAPE_MESH, 3}, {SHAPE_MESH, 4}};
	uint64_t drawn = sim_below(random, sizeof(shapes) / sizeof(shapes[0]));

	scenario->shape = shapes[drawn].shape;
	scenario->n_nodes = shapes[drawn].n;
}

/* One of: everybody as he likes; all the same one; one is strict and the others comply. */
static void draw_ciphers(struct scenario *scenario, uint64_t *random)
{
	static const enum control_cipher only[] = {CONTROL_CIPHER_CHACHA20POLY1305,
						   CONTROL_CIPHER_AES256GCM};
	uint64_t kind = sim_below(random, 3), suite = sim_below(random, 2);

	for (int i = 0; i < scenario->n_nodes; i++) {
		bool strict = kind == 1 || (kind == 2 && i == 0);

		scenario->cipher[i] = strict ? only[suite] : CONTROL_CIPHER_AUTO;
		scenario->preferred[i] = kind == 0 ? sim_below(random, 2) : suite;
	}
}

static void draw_numbers(struct scenario *scenario, uint64_t *random)
{
	static const uint32_t mtus[] = {1500, 1500, 1500, 1280, 9000};
	static const uint32_t paths[] = {1500, 1500, 1500, 1492, 1400, 1280, 65535};

	scenario->ipv6 = sim_below(random, 3) == 0;
	scenario->psk = sim_below(random, 2);
	scenario->mtu = mtus[sim_below(random, 5)];
	scenario->path_mtu = paths[sim_below(random, 7)];
	scenario->keepalive_s =
		sim_below(random, 4) == 0 ? (uint32_t)sim_between(random, 5, 60) : 0;
	scenario->load_limit = sim_below(random, 8) == 0 ? (uint32_t)sim_between(random, 1, 3) : 0;
	scenario->delay_ns = sim_between(random, 1, 150000) * 1000;
	if (sim_below(random, 8) == 0) {
		scenario->mtu = 1500; /* a burst must not use up all that is left */
		scenario->rekey_messages = sim_between(random, 50, 200);
		scenario->refuse_messages = scenario->rekey_messages + 200;
	}
}

/*
 * Half of them have one lane each. So do those whose keys last for few messages only, as no lane's
 * share of them would do. Drawn from a stream of its own.
 */
static void draw_lanes(struct scenario *scenario)
{
	static const uint8_t lanes[] = {1, 2, 2, SIM_LANES};
	uint64_t random = scenario->seed * 11 + 3;
	bool several = sim_below(&random, 2) && !scenario->rekey_messages;

	scenario->closes = several && sim_below(&random, 2);
	for (int i = 0; i < SIM_NODES; i++)
		scenario->lanes[i] = several ? lanes[sim_below(&random, 4)] : 1;
}

/* How much is wrong. */
static int64_t draw_value(const struct scenario *scenario, enum fault_kind kind, uint64_t *random)
{
	uint64_t least = scenario->ipv6 ? 1280 : 576;

	switch (kind) {
	case FAULT_LOSS:
		return (int64_t)sim_between(random, 10, 600);
	case FAULT_DOUBLE:
	case FAULT_CORRUPT:
		return (int64_t)sim_between(random, 10, 400);
	case FAULT_REORDER:
		return (int64_t)sim_between(random, 5, 2000);
	case FAULT_DELAY:
		return (int64_t)sim_between(random, 50, 4000);
	case FAULT_MTU:
	case FAULT_DOOR:
		return (int64_t)sim_between(random, least, 1500);
	case FAULT_WALL:
		return (int64_t)sim_between(random, 0, 172800) - 86400;
	case FAULT_CUT:
	case FAULT_CRASH:
	case FAULT_FREEZE:
	case FAULT_STALL:
	case FAULT_SLEEP:
	case FAULT_ROAM:
	case FAULT_COUNT:
		break;
	}
	return 0;
}

static struct fault *add_fault(struct scenario *scenario, enum fault_kind kind, uint64_t start,
			       uint64_t end, uint64_t *random)
{
	int n = scenario->n_nodes;

	if (scenario->n_faults == SIM_FAULTS)
		return NULL;
	struct fault *fault = &scenario->faults[scenario->n_faults++];
	*fault = (struct fault){.kind = kind, .start_ns = start, .end_ns = end};
	fault->node = (uint8_t)sim_below(random, (uint64_t)n);
	fault->other =
		(uint8_t)((fault->node + sim_between(random, 1, (uint64_t)n - 1)) % (uint64_t)n);
	if (sim_below(random, 3) == 0)
		fault->other = SIM_ALL;
	fault->one_way = sim_below(random, 3) == 0;
	fault->value = draw_value(scenario, kind, random);
	if (kind == FAULT_ROAM)
		fault->node = 0;
	if (kind == FAULT_WALL && fault->node == 0)
		fault->node = 1;
	return fault;
}

/* Something is wrong between start and end. */
static void add_trouble(struct scenario *scenario, uint64_t start, uint64_t end, uint64_t *random)
{
	static const enum fault_kind kinds[] = {
		FAULT_LOSS,   FAULT_LOSS,  FAULT_DOUBLE, FAULT_REORDER, FAULT_CORRUPT,
		FAULT_DELAY,  FAULT_CUT,   FAULT_CRASH,	 FAULT_CRASH,	FAULT_WALL,
		FAULT_FREEZE, FAULT_STALL, FAULT_SLEEP,	 FAULT_ROAM};
	enum fault_kind kind = kinds[sim_below(random, sizeof(kinds) / sizeof(kinds[0]))];
	uint64_t length = end - start;

	uint64_t from = start + sim_below(random, length / 2 + 1);
	uint64_t until = sim_between(random, from, end);
	if (kind == FAULT_STALL && until - from > 60 * SECOND_NS)
		until = from + 60 * SECOND_NS;
	struct fault *fault = add_fault(scenario, kind, from, until, random);
	/* A wrong clock shows when the host is started anew. */
	if (fault && kind == FAULT_WALL) {
		uint8_t node = fault->node;

		fault = add_fault(scenario, FAULT_CRASH, from, until, random);
		if (fault)
			fault->node = node;
	}
}

/* Paths get narrower and wider whatever else happens. */
static void add_paths(struct scenario *scenario, uint64_t *random)
{
	uint64_t hours = scenario->length_ns / (3600 * SECOND_NS) + 1;
	uint64_t n = sim_below(random, 4 * hours);

	for (uint64_t i = 0; i < n; i++) {
		uint64_t start = sim_below(random, scenario->length_ns);
		uint64_t end = start + sim_between(random, 60, 1500) * SECOND_NS;

		add_fault(scenario, sim_below(random, 4) ? FAULT_MTU : FAULT_DOOR, start, end,
			  random);
	}
}

void scenario_draw(struct scenario *scenario, uint64_t seed, uint64_t length_ns)
{
	static const uint64_t longest[] = {10, 60, 400};
	uint64_t state = seed * 0x2545f4914f6cdd1d + 1, *random = &state, at = 0;

	*scenario = (struct scenario){.seed = seed, .length_ns = length_ns};
	draw_shape(scenario, random);
	draw_ciphers(scenario, random);
	draw_numbers(scenario, random);
	draw_lanes(scenario);
	add_paths(scenario, random);
	for (;;) {
		uint64_t calm = sim_between(random, 75, sim_below(random, 3) ? 200 : 600);
		uint64_t start = at + calm * SECOND_NS;
		uint64_t end =
			start +
			sim_between(random, 1000, longest[sim_below(random, 3)] * 1000) * SIM_MS;

		if (end + 75 * SECOND_NS > length_ns)
			break;
		for (uint64_t n = sim_between(random, 1, 4); n > 0; n--)
			add_trouble(scenario, start, end, random);
		at = end;
	}
}

/* From when to when it disturbs; false: never by itself. What was under way still arrives later. */
static bool disturbs(const struct scenario *scenario, const struct fault *fault, uint64_t *start,
		     uint64_t *end)
{
	*start = fault->start_ns;
	*end = fault->end_ns;
	switch (fault->kind) {
	case FAULT_REORDER:
	case FAULT_DELAY:
		*end += (uint64_t)fault->value * SIM_MS;
		break;
	case FAULT_MTU:
	case FAULT_DOOR:
		*end = *start; /* narrow is well; getting wide hurts nobody */
		break;
	case FAULT_DOUBLE:
	case FAULT_WALL:
		return false;
	case FAULT_LOSS:
	case FAULT_CORRUPT:
	case FAULT_CUT:
	case FAULT_CRASH:
	case FAULT_FREEZE:
	case FAULT_STALL:
	case FAULT_SLEEP:
	case FAULT_ROAM:
	case FAULT_COUNT:
		break;
	}
	return !fault->left_out;
}

/* The calm time that holds at `at`, as long as it lasts; `at` moves behind what disturbs it. */
static bool calm_at(const struct scenario *scenario, uint64_t *at, struct calm *calm)
{
	uint64_t start, end, until = scenario->length_ns;
	bool moved = true;

	while (moved) {
		moved = false;
		for (int i = 0; i < scenario->n_faults; i++) {
			const struct fault *fault = &scenario->faults[i];

			if (!disturbs(scenario, fault, &start, &end) || start > *at || end <= *at)
				continue;
			*at = end;
			moved = true;
		}
	}
	for (int i = 0; i < scenario->n_faults; i++)
		if (disturbs(scenario, &scenario->faults[i], &start, &end) && start > *at &&
		    start < until)
			until = start;
	*calm = (struct calm){.from = SIM_START + *at, .until = SIM_START + until};
	*at = until;
	return calm->from < calm->until;
}

/* A clock that stood still lets a host use sessions longer than its peer does. */
static uint64_t strict_from(const struct scenario *scenario, const struct calm *calm)
{
	uint64_t from = calm->from + SIM_CALM_NS + (calm->one_way ? SIM_ALONE_NS : 0);

	for (int i = 0; i < scenario->n_faults; i++) {
		const struct fault *fault = &scenario->faults[i];
		uint64_t over = SIM_START + fault->end_ns + SIM_STOOD_NS;

		if (fault->kind == FAULT_FREEZE && !fault->left_out &&
		    SIM_START + fault->start_ns < calm->until && over > from)
			from = over;
	}
	return from;
}

int scenario_calms(const struct scenario *scenario, struct calm *calms)
{
	uint64_t at = 0;
	int n = 0;

	while (n <= SIM_FAULTS && calm_at(scenario, &at, &calms[n])) {
		uint64_t random = scenario->seed + calms[n].from;

		calms[n].one_way = sim_below(&random, 3) == 0;
		calms[n].strict_from = strict_from(scenario, &calms[n]);
		calms[n].speaker = (uint8_t)sim_below(&random, (uint64_t)scenario->n_nodes);
		n++;
	}
	return n;
}

void scenario_print(const struct scenario *scenario)
{
	printf("# seed %lu: %s of %d, ipv%d, delay %.1f ms, mtu %u, path %u, keepalive %u, load "
	       "limit %u, "
	       "rekey after %lu messages, lanes %u %u %u %u%s\n",
	       scenario->seed, shape_name(scenario->shape), scenario->n_nodes,
	       scenario->ipv6 ? 6 : 4, (double)scenario->delay_ns / 1e6, scenario->mtu,
	       scenario->path_mtu, scenario->keepalive_s, scenario->load_limit,
	       scenario->rekey_messages, scenario->lanes[0], scenario->lanes[1], scenario->lanes[2],
	       scenario->lanes[3], scenario->closes ? ", which bad times close" : "");
	for (int i = 0; i < scenario->n_faults; i++) {
		const struct fault *fault = &scenario->faults[i];
		char other[8] = "all";

		if (fault->left_out)
			continue;
		if (fault->other != SIM_ALL)
			snprintf(other, sizeof(other), "%d", fault->other);
		printf("#   %3d  %9.3f to %9.3f  %-7s %ld  node %d %s %s\n", i,
		       (double)fault->start_ns / 1e9, (double)fault->end_ns / 1e9,
		       fault_name(fault->kind), fault->value, fault->node,
		       fault->one_way ? "->" : "<->", other);
	}
}
