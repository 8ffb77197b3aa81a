/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must hold of frames, and of each node's account. Keys are watched in hooks.c. */
#include "sim/sim.h"

/* Of frames that need not arrive (something was wrong just then), so many may be missing. */
#define LOST_PER_CENT 1
#define LOST_FREE 3 /* where there are few of them, one more or less proves nothing */

#define TOGETHER_NS 990000000ULL /* pieces further apart are given up */

static bool is_broken(const struct world *world, const char *how)
{
	return strcmp(world->sabotage, how) == 0;
}

/* RFC 1071 over the frame from csum_start on, for those that must be completed on the way. */
static void complete(struct frame *frame)
{
	uint32_t sum = 0;

	for (uint32_t at = frame->csum_start; at < frame->size; at++)
		sum += (at - frame->csum_start) % 2 ? frame->data[at] : frame->data[at] * 256u;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = sum == 0xffff ? 0xffff : 0xffff - sum;
	put_be16(frame->data + frame->csum_start + frame->csum_offset, (uint16_t)sum);
	frame->csum_start = frame->csum_offset = 0;
}

/* As frame `number` must look where it is delivered. */
static bool is_unaltered(const struct world *world, uint32_t number, const struct frame *got)
{
	static uint8_t bytes[20000];
	const struct sent *sent = &world->sent[number];
	struct frame want = {.data = bytes, .size = sent->size};

	traffic_make(number, sent->from, sent->to, &want);
	if (want.csum_start > 255)
		complete(&want);
	return got->size == want.size && memcmp(got->data, want.data, want.size) == 0 &&
	       got->csum_start == want.csum_start && got->csum_offset == want.csum_offset &&
	       got->gso_type == GSO_NONE;
}

static void hear(struct world *world, const struct sent *sent, const struct node *node)
{
	struct calm *calm = &world->calms[world->calm_at];

	bool *heard = &calm->heard[sent->from][node->index];

	if (world->calm_at == world->n_calms || sent->when < calm->from || *heard)
		return;
	*heard = true;
	uint64_t after = world->now - calm->from;
	if (after <= SIM_HEALED_NS && after > world->tally.slowest_ns)
		world->tally.slowest_ns = after;
}

static void take(struct node *node, struct frame *frame)
{
	struct world *world = node->world;
	uint32_t number = frame->size >= 18 ? get_be32(frame->data + 14) : UINT32_MAX;

	if (number >= world->n_sent || !is_unaltered(world, number, frame)) {
		world_fail(world, "node %d delivered something altered: %u bytes that say frame %u",
			   node->index, frame->size, number);
		return;
	}
	struct sent *sent = &world->sent[number];
	if (sent->delivered[node->index] || sent->from == node->index)
		world_fail(world, "node %d delivered frame %u of node %d twice", node->index,
			   number, sent->from);
	sent->delivered[node->index] = true;
	node->delivered_number = number + 1;
	world->tally.deliveries++;
	hear(world, sent, node);
}

void watch_delivered(struct node *node, struct frame *frame)
{
	struct world *world = node->world;
	uint64_t n = ++node->delivered;

	if (is_broken(world, "lose") && n % 25 == 0)
		return;
	if (is_broken(world, "alter") && n % 500 == 0)
		frame->data[frame->size - 1] ^= 1;
	take(node, frame);
	if (is_broken(world, "twice") && n % 500 == 0)
		take(node, frame);
}

void watch_arrival(struct node *node, const struct packet *packet, bool up)
{
	struct world *world = node->world;

	if (!up || packet->copy || packet->corrupt || !packet->number)
		return;
	struct sent *sent = &world->sent[packet->number - 1];
	if (sent->to != SIM_ALL && sent->to != node->index)
		return;
	uint32_t *through = &sent->through[node->index];
	if (!*through)
		sent->first_through[node->index] = world->now;
	if (world->now - sent->first_through[node->index] < TOGETHER_NS)
		*through += packet->share;
}

void watch_too_big(struct node *node, const struct node *to, bool at_door)
{
	struct world *world = node->world;
	struct calm *calm = &world->calms[world->calm_at];

	if (!node->seal_number || !to) /* a probe: that is what they are for */
		return;
	world->sent[node->seal_number - 1].too_big = true;
	if (world->calm_at == world->n_calms)
		return;
	uint64_t *first = &calm->too_big[node->index][to->index];
	if (!*first)
		*first = world->now;
	uint64_t allowed = (at_door ? 0 : SIM_NARROW_NS) + 4 * world->scenario->delay_ns;
	if (world->now >= calm->strict_from && world->now < calm->until &&
	    world->now - *first > allowed)
		world_fail(world,
			   "node %d sends what is too big for the path to node %d since %.3f",
			   node->index, to->index, world_seconds(*first));
}

void watch_handshake(struct node *node, const struct node *to, int type)
{
	struct world *world = node->world;
	const struct calm *calm = &world->calms[world->calm_at];
	const struct scenario *scenario = world->scenario;
	bool often = scenario->rekey_messages || scenario->load_limit ||
		     scenario_clock_is_wrong(scenario, node->index);

	node->n_responses += type == MESSAGE_RESPONSE;
	if (type != MESSAGE_INITIATION || !to)
		return;
	uint64_t *last = &node->initiated[to->index];
	/* The answer may have been what was too big. */
	often = often || calm->too_big[to->index][node->index];
	if (!often && world->calm_at < world->n_calms && *last >= calm->strict_from &&
	    world->now < calm->until && world->now - *last < SIM_SELDOM_NS)
		world_fail(world, "node %d begins a handshake with node %d though it did at %.3f",
			   node->index, to->index, world_seconds(*last));
	*last = world->now;
}

/*
 * Two that have spoken to each other send in the same session, if it was made in good times: with
 * round trips above five seconds they may each take another, and both are good.
 */
static void judge_agreement(struct world *world, const struct calm *calm, int i, int j)
{
	const struct node *one = &world->nodes[i], *other = &world->nodes[j];
	const struct peer *there = view_find_peer(&one->engine->view, other->public_key);
	const struct peer *here = view_find_peer(&other->engine->view, one->public_key);
	const struct session *a = there->current, *b = here->current;
	uint64_t ago = world->now - 4 * SECOND_NS;

	if (!a || !b || there->next || here->next || there->handshaking || here->handshaking ||
	    a->born_ns + one->lag_ns > ago || b->born_ns + other->lag_ns > ago ||
	    a->born_ns + one->lag_ns < calm->from || b->born_ns + other->lag_ns < calm->from)
		return;
	if (a->local_index != b->remote_index || a->remote_index != b->local_index)
		world_fail(world, "nodes %d and %d each send in a session of their own", i, j);
}

static void judge_agreements(struct world *world, struct calm *calm)
{
	int n = world->scenario->n_nodes;

	calm->agreed = true;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (scenario_peers(world->scenario, i, j))
				judge_agreement(world, calm, i, j);
}

void watch_account(struct node *node, bool at_end)
{
	struct world *world = node->world;
	struct engine_account account = engine_account(node->engine);
	uint64_t in = account.in + is_broken(world, "leak");

	if (in != account.out + account.held + account.dropped)
		world_fail(world, "node %d: in %lu is not out %lu + held %lu + dropped %lu",
			   node->index, in, account.out, account.held, account.dropped);
	if (at_end && account.held)
		world_fail(world, "node %d holds %lu frames or pieces after all is over",
			   node->index, account.held);
	if (node->engine->tx_frames != node->fed || node->engine->rx_frames != node->delivered)
		world_fail(world, "node %d: took %lu frames and says %lu; gave %lu and says %lu",
			   node->index, node->fed, node->engine->tx_frames, node->delivered,
			   node->engine->rx_frames);
	for (int i = 0; i < DROP_COUNT; i++)
		world->tally.drops[i] += node->engine->drops[i];
}

static void judge_frame(struct world *world, uint32_t number)
{
	const struct sent *sent = &world->sent[number];

	for (int i = 0; i < world->scenario->n_nodes; i++) {
		bool meant = sent->from != i && (sent->to == SIM_ALL || sent->to == i);

		if (meant && sent->strict && !sent->too_big && !sent->delivered[i])
			world_fail(world,
				   "frame %u, %u bytes from node %d at %.3f, has not come to node "
				   "%d, and "
				   "nothing was wrong",
				   number, sent->size, sent->from, world_seconds(sent->when), i);
		world->tally.strict += meant && sent->strict;
		if (!meant || sent->through[i] < sent->size)
			continue;
		world->tally.let_through++;
		world->tally.let_through_lost += !sent->delivered[i];
	}
}

static void judge_calm(struct world *world, struct calm *calm)
{
	int n = world->scenario->n_nodes;

	calm->checked = true;
	world->tally.heals++;
	for (int i = 0; i < n * n; i++)
		if (i / n != i % n && !calm->heard[i / n][i % n] &&
		    traffic_is_due(world, calm, i / n, i % n))
			world_fail(world,
				   "all was well at %.3f, but node %d has heard nothing from node "
				   "%d since",
				   world_seconds(calm->from), i % n, i / n);
}

void watch_judge(struct world *world)
{
	struct calm *calm = &world->calms[world->calm_at];
	uint64_t heard_by = calm->from + SIM_HEALED_NS;

	if (world->calm_at < world->n_calms && !calm->checked && world->now >= heard_by &&
	    calm->until > heard_by)
		judge_calm(world, calm);
	if (world->calm_at < world->n_calms && !calm->agreed && world->now < calm->until &&
	    world->now >= calm->strict_from + 6 * SECOND_NS)
		judge_agreements(world, calm);
	if (world->calm_at + 1 < world->n_calms && world->now >= calm[1].from)
		world->calm_at++;
	while (world->judged < world->n_sent &&
	       world->now >= world->sent[world->judged].when + SIM_LATE_NS)
		judge_frame(world, (uint32_t)world->judged++);
	const struct tally *tally = &world->tally;
	if (tally->let_through_lost > LOST_FREE &&
	    tally->let_through_lost * 100 > tally->let_through * LOST_PER_CENT)
		world_fail(world,
			   "of %lu frames that the channel let through, %lu were not delivered",
			   tally->let_through, tally->let_through_lost);
}
