/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that happens, in its order. */
#include <stdarg.h>
#include "sim/sim.h"

double world_seconds(uint64_t now)
{
	return (double)(now - SIM_START) / 1e9;
}

void world_fail(struct world *world, const char *format, ...)
{
	va_list arguments;

	if (world->failure[0])
		return;
	va_start(arguments, format);
	vsnprintf(world->failure, sizeof(world->failure), format, arguments);
	va_end(arguments);
	world->failed_at = world->now;
	world->end = world->now;
}

void world_trace(struct world *world, const char *format, ...)
{
	va_list arguments;

	if (world->trace_from < 0 || world_seconds(world->now) < world->trace_from)
		return;
	va_start(arguments, format);
	printf("# %10.4f  ", world_seconds(world->now));
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
}

static void arrive(struct world *world, struct packet *packet)
{
	struct node *node = channel_find(world, &packet->to);

	int room = node && node->asleep ? SIM_LATCHED : 256;

	if (node && node->engine && !node->frozen && node->stalled && node->n_waiting < room) {
		node->waiting[node->n_waiting++] = packet;
		return;
	}
	if (node && node_runs(node))
		node_give(node, packet);
	free(packet);
}

static void begin_or_end(struct world *world, struct fault *fault, bool begins)
{
	struct node *node = &world->nodes[fault->node];
	int step = begins ? 1 : -1;

	fault->active = begins;
	world_trace(world, "%s of node %d %s", fault_name(fault->kind), fault->node,
		    begins ? "begins" : "ends");
	if (fault->kind == FAULT_WALL && begins)
		node->wall_ns = fault->value * (int64_t)SECOND_NS;
	if (fault->kind == FAULT_ROAM)
		node->roams = begins;
	if (fault->kind == FAULT_STALL || fault->kind == FAULT_SLEEP) {
		node->stalled += step;
		node->asleep += fault->kind == FAULT_SLEEP ? step : 0;
		if (node_runs(node))
			node_resume(node);
	}
	if (fault->kind == FAULT_FREEZE) {
		uint64_t stands = node_now(node);

		node->frozen += step;
		node->stood_ns = stands;
		node->lag_ns = world->now - stands;
	}
	if (fault->kind == FAULT_CRASH) {
		node_stop(node, false);
		node->down += step;
		if (node->down == 0) {
			node_start(node);
			node_introduce(node);
		}
	}
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *one = a, *other = b;

	if (one->when != other->when)
		return one->when < other->when ? -1 : 1;
	return one->fault != other->fault ? one->fault - other->fault : other->begins - one->begins;
}

static void init(struct world *world, const struct scenario *scenario, const char *sabotage,
		 double trace_from)
{
	memset(world, 0, sizeof(*world));
	world->scenario = scenario;
	world->sabotage = sabotage ? sabotage : "";
	world->trace_from = trace_from;
	world->now = SIM_START;
	world->end = SIM_START + scenario->length_ns;
	world->channel_random = scenario->seed * 3 + 1 + scenario->salt * 1000003;
	world->traffic_random = scenario->seed * 5 + 2;
	memcpy(world->faults, scenario->faults, sizeof(world->faults));
	for (int i = 0; i < scenario->n_faults; i++) {
		const struct fault *fault = &scenario->faults[i];

		if (fault->left_out)
			continue;
		world->edges[world->n_edges++] =
			(struct edge){SIM_START + fault->start_ns, (uint16_t)i, true};
		world->edges[world->n_edges++] =
			(struct edge){SIM_START + fault->end_ns, (uint16_t)i, false};
	}
	qsort(world->edges, (size_t)world->n_edges, sizeof(*world->edges), compare_edges);
	world->n_calms = scenario_calms(scenario, world->calms);
	hooks_init(world);
	traffic_init(world);
	for (int i = 0; i < scenario->n_nodes; i++) {
		node_init(&world->nodes[i], world, i);
		node_start(&world->nodes[i]);
	}
	for (int i = 0; i < scenario->n_nodes; i++)
		node_introduce(&world->nodes[i]);
}

/* When the node's engine wants its tick, by the world's clock. */
static uint64_t due_of(const struct node *node)
{
	uint64_t due = node_runs(node) ? engine_due(node->engine) : UINT64_MAX;

	return due == UINT64_MAX ? due : due + node->lag_ns;
}

/* Lets the next thing happen; false: there is none before `until`. */
static bool step(struct world *world, uint64_t until, bool quiet)
{
	uint64_t edge =
		world->edge_at < world->n_edges ? world->edges[world->edge_at].when : UINT64_MAX;
	uint64_t traffic = quiet ? UINT64_MAX : traffic_due(world), arrival = channel_due(world);
	uint64_t next = edge;
	struct node *due = NULL;

	next = traffic < next ? traffic : next;
	next = arrival < next ? arrival : next;
	for (int i = 0; i < world->scenario->n_nodes; i++) {
		uint64_t when = due_of(&world->nodes[i]);

		if (when < next) {
			next = when;
			due = &world->nodes[i];
		}
	}
	if (next > until)
		return false;
	world->now = next > world->now ? next : world->now;
	if (due) {
		node_tick(due);
	} else if (next == edge) {
		const struct edge *at = &world->edges[world->edge_at++];

		begin_or_end(world, &world->faults[at->fault], at->begins);
	} else if (next == arrival) {
		arrive(world, channel_take(world));
	} else {
		traffic_run(world);
	}
	return true;
}

void world_run(struct world *world, const struct scenario *scenario, const char *sabotage,
	       double trace_from)
{
	init(world, scenario, sabotage, trace_from);
	while (!world->failure[0] && step(world, world->end, false))
		watch_judge(world);
	if (world->failure[0])
		return;
	/* Nobody says anything more: what is held goes out, or is given up. */
	while (!world->failure[0] && step(world, world->end + 15 * SECOND_NS, true))
		;
	world->now = world->end + 15 * SECOND_NS;
	watch_judge(world);
	for (int i = 0; i < scenario->n_nodes; i++)
		node_stop(&world->nodes[i], true);
}

void world_fini(struct world *world)
{
	struct packet *packet;

	for (int i = 0; i < world->scenario->n_nodes; i++) {
		engine_free(world->nodes[i].engine);
		free(world->nodes[i].marks);
		for (int j = 0; j < world->nodes[i].n_waiting; j++)
			free(world->nodes[i].waiting[j]);
	}
	while ((packet = channel_take(world)))
		free(packet);
	free(world->heap);
	free(world->sent);
	hooks_fini(world);
}
