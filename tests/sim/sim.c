/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim SEED COUNT HOURS [--only N,N…] [--salt N] [--break WHAT] [--trace SECOND]
 *
 * Runs COUNT scenarios, from SEED on, of HOURS virtual hours each. The first that fails is made
 * smaller: faults are left out as long as it still fails, and it ends where it failed. What is
 * left is printed with the command that shows it again. Output is TAP: one point.
 *
 *	--only	of the faults of the scenario, only these (their numbers; "-": none)
 *	--salt	the same faults, but other datagrams are hit
 *	--break	breaks something on purpose (twice alter lose reuse old leak deaf): not to notice
 *		that is the failure then
 *	--trace	prints every event from that second on
 */
#include "sim/sim.h"

#define SALTS 12 /* tries for each smaller scenario */

struct options {
	const char *program;
	uint64_t seed, count, salt;
	double hours;
	const char *only, *sabotage;
	bool trace;
	double trace_from;
};

/* Runs it; true: it failed, and how is in *world, whose memory is given back. */
static bool fails(struct world *world, const struct scenario *scenario,
		  const struct options *options, bool trace)
{
	world_run(world, scenario, options->sabotage, trace ? options->trace_from : -1);
	world_fini(world);
	return world->failure[0] != '\0';
}

/* Does it fail without these faults, too? Chance has a few tries. */
static bool fails_without(struct world *world, struct scenario *scenario, int at, int n,
			  const struct options *options)
{
	struct scenario trial = *scenario;
	int n_left = 0;

	for (int i = at; i < at + n && i < trial.n_faults; i++) {
		n_left += !trial.faults[i].left_out;
		trial.faults[i].left_out = true;
	}
	for (int i = 0; n_left && i < SALTS; i++) {
		trial.salt = scenario->salt + (uint64_t)i;
		if (!fails(world, &trial, options, false))
			continue;
		*scenario = trial;
		scenario->length_ns = world->failed_at - SIM_START + 1;
		return true;
	}
	return false;
}

/* Leaves out what is not needed for the failure: halves, quarters, …, single faults. */
static void shrink(struct world *world, struct scenario *scenario, const struct options *options)
{
	scenario->length_ns = world->failed_at - SIM_START + 1;
	for (int chunk = scenario->n_faults; chunk > 0; chunk /= 2)
		for (int at = 0; at < scenario->n_faults; at += chunk)
			fails_without(world, scenario, at, chunk, options);
}

static void print_again(const struct scenario *scenario, const struct options *options)
{
	bool any = false;

	printf("# again: %s %lu 1 %.17g --only ", options->program, scenario->seed,
	       (double)scenario->length_ns / 3600e9);
	for (int i = 0; i < scenario->n_faults; i++) {
		if (!scenario->faults[i].left_out) {
			printf("%s%d", any ? "," : "", i);
			any = true;
		}
	}
	printf("%s --salt %lu%s%s --trace %.0f\n", any ? "" : "-", scenario->salt,
	       options->sabotage ? " --break " : "", options->sabotage ? options->sabotage : "",
	       scenario->length_ns > 60 * SECOND_NS ? (double)scenario->length_ns / 1e9 - 60 : 0);
}

static void keep_only(struct scenario *scenario, const char *list)
{
	for (int i = 0; i < scenario->n_faults; i++)
		scenario->faults[i].left_out = true;
	while (*list) {
		char *end;
		unsigned long n = strtoul(list, &end, 10);

		if (end == list)
			break;
		if (n < (unsigned long)scenario->n_faults)
			scenario->faults[n].left_out = false;
		list = *end ? end + 1 : end;
	}
}

static void add_tally(struct tally *sum, const struct tally *tally)
{
	sum->datagrams += tally->datagrams;
	sum->frames += tally->frames;
	sum->deliveries += tally->deliveries;
	sum->let_through += tally->let_through;
	sum->let_through_lost += tally->let_through_lost;
	sum->strict += tally->strict;
	sum->heals += tally->heals;
	sum->keys += tally->keys;
	if (tally->slowest_ns > sum->slowest_ns)
		sum->slowest_ns = tally->slowest_ns;
	for (int i = 0; i < DROP_COUNT; i++)
		sum->drops[i] += tally->drops[i];
}

static void print_tally(const struct tally *tally)
{
	printf("# %lu datagrams, %lu keys, %lu frames sent, %lu delivered\n", tally->datagrams,
	       tally->keys, tally->frames, tally->deliveries);
	printf("# %lu were let through to a session, %lu of them not delivered; %lu sent when all "
	       "was "
	       "well, all delivered; heard again after %lu bad times, by %.3f s\n",
	       tally->let_through, tally->let_through_lost, tally->strict, tally->heals,
	       (double)tally->slowest_ns / 1e9);
	printf("# drops:");
	for (int i = 0; i < DROP_COUNT; i++)
		if (tally->drops[i])
			printf(" %s %lu", drop_name(i), tally->drops[i]);
	printf("\n");
}

/* The scenario that --only leaves of it ends where its command line says. */
static bool run_seed(struct world *world, uint64_t seed, const struct options *options)
{
	static struct scenario scenario;

	/* Faults are drawn for whole hours, so that a shorter run has the same ones. */
	uint64_t length_ns = (uint64_t)(options->hours * 3600e9);
	uint64_t whole = 3600 * SECOND_NS;
	scenario_draw(&scenario, seed, (length_ns + whole - 1) / whole * whole);
	scenario.length_ns = length_ns;
	scenario.salt = options->salt;
	if (options->only)
		keep_only(&scenario, options->only);
	if (!fails(world, &scenario, options, options->trace))
		return false;
	printf("# seed %lu failed at %.3f s: %s\n", seed, world_seconds(world->failed_at),
	       world->failure);
	if (options->only)
		return true;
	shrink(world, &scenario, options);
	/* The last trial may have been one that did not fail. */
	fails(world, &scenario, options, false);
	printf("# shrunk, it fails at %.3f s: %s\n", world_seconds(world->failed_at),
	       world->failure);
	scenario_print(&scenario);
	print_again(&scenario, options);
	return true;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim SEED COUNT HOURS [--only N,N...] [--salt N] [--break WHAT] "
			"[--trace SECOND]\n");
	return 2;
}

static bool read_options(int argc, char **argv, struct options *options)
{
	char *end[3];

	if (argc < 4 || argc % 2)
		return false;
	options->program = argv[0];
	options->seed = strtoull(argv[1], &end[0], 10);
	options->count = strtoull(argv[2], &end[1], 10);
	options->hours = strtod(argv[3], &end[2]);
	if (*end[0] || *end[1] || *end[2] || options->hours <= 0)
		return false;
	for (int i = 4; i < argc; i += 2) {
		if (strcmp(argv[i], "--only") == 0) {
			options->only = argv[i + 1];
		} else if (strcmp(argv[i], "--salt") == 0) {
			options->salt = strtoull(argv[i + 1], &end[0], 10);
		} else if (strcmp(argv[i], "--break") == 0) {
			options->sabotage = argv[i + 1];
		} else if (strcmp(argv[i], "--trace") == 0) {
			options->trace = true;
			options->trace_from = strtod(argv[i + 1], &end[0]);
		} else {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct world world;
	struct options options = {0};
	struct tally sum = {0};
	bool failed = false;
	uint64_t seed;

	if (!read_options(argc, argv, &options))
		return usage();
	for (seed = options.seed; seed < options.seed + options.count && !failed; seed++) {
		failed = run_seed(&world, seed, &options);
		add_tally(&sum, &world.tally);
	}
	if (!failed)
		print_tally(&sum);
	bool well = failed == (options.sabotage != NULL);
	printf("%sok 1 - seeds %lu to %lu, %g virtual hours each%s%s\n1..1\n", well ? "" : "not ",
	       options.seed, seed - 1, options.hours, options.sabotage ? ": noticed: " : "",
	       options.sabotage ? options.sabotage : "");
	return !well;
}
