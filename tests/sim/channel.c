/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a datagram between two nodes. Packets under way are a heap, the next one on top.
 */
#include "sim/sim.h"

static bool is_before(const struct packet *a, const struct packet *b)
{
	return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void put(struct world *world, struct packet *packet)
{
	if (world->n_heap == world->heap_len) {
		world->heap_len = world->heap_len ? 2 * world->heap_len : 256;
		world->heap = realloc(world->heap, world->heap_len * sizeof(*world->heap));
	}
	size_t at = world->n_heap++;

	packet->order = world->order++;
	while (at && is_before(packet, world->heap[(at - 1) / 2])) {
		world->heap[at] = world->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	world->heap[at] = packet;
}

uint64_t channel_due(const struct world *world)
{
	return world->n_heap ? world->heap[0]->when : UINT64_MAX;
}

struct packet *channel_take(struct world *world)
{
	if (!world->n_heap)
		return NULL;
	struct packet *top = world->heap[0], *last = world->heap[--world->n_heap];
	size_t at = 0, n = world->n_heap;

	for (size_t child = 1; child < n; child = 2 * at + 1) {
		if (child + 1 < n && is_before(world->heap[child + 1], world->heap[child]))
			child++;
		if (is_before(last, world->heap[child]))
			break;
		world->heap[at] = world->heap[child];
		at = child;
	}
	if (n)
		world->heap[at] = last;
	return top;
}

struct node *channel_find(struct world *world, const struct endpoint *to)
{
	for (int i = 0; i < world->scenario->n_nodes; i++) {
		struct node *node = &world->nodes[i];
		struct endpoint at = {.remote = node_address(node, node->roams)};

		if (endpoint_same_address(&at, to) && to->remote.port >= SIM_PORT &&
		    to->remote.port < SIM_PORT + world->scenario->lanes[i])
			return node;
	}
	return NULL;
}

/* Is the link from one node to another the fault's business? */
static bool concerns(const struct fault *fault, int from, int to)
{
	if (!fault->active)
		return false;
	if (fault->node == from && (fault->other == to || fault->other == SIM_ALL))
		return true;
	return !fault->one_way && fault->node == to &&
	       (fault->other == from || fault->other == SIM_ALL);
}

/* What the faults make of a link just now. */
struct link {
	uint64_t loss, doubling, corruption; /* per mille */
	uint64_t delay_ns, jitter_ns;
	uint64_t mtu;
};

static struct link link_now(struct world *world, int from, int to)
{
	struct link link = {.delay_ns = world->scenario->delay_ns,
			    .mtu = world->scenario->path_mtu};

	for (int i = 0; i < world->scenario->n_faults; i++) {
		const struct fault *fault = &world->faults[i];
		uint64_t value = (uint64_t)fault->value;

		if (!concerns(fault, from, to))
			continue;
		if (fault->kind == FAULT_LOSS)
			link.loss += value;
		else if (fault->kind == FAULT_CUT)
			link.loss = 1000;
		else if (fault->kind == FAULT_DOUBLE)
			link.doubling += value;
		else if (fault->kind == FAULT_CORRUPT)
			link.corruption += value;
		else if (fault->kind == FAULT_REORDER)
			link.jitter_ns += value * SIM_MS;
		else if (fault->kind == FAULT_DELAY)
			link.delay_ns += value * SIM_MS;
		else if (fault->kind == FAULT_MTU && value < link.mtu)
			link.mtu = value;
	}
	return link;
}

/* The largest packet that the node's own interface takes. */
static uint64_t door_of(const struct node *node)
{
	const struct world *world = node->world;
	uint64_t size = 65535;

	for (int i = 0; i < world->scenario->n_faults; i++) {
		const struct fault *fault = &world->faults[i];

		if (fault->active && fault->kind == FAULT_DOOR && fault->node == node->index &&
		    (uint64_t)fault->value < size)
			size = (uint64_t)fault->value;
	}
	return size;
}

/* Some bits are turned, or the end is lost, or something hangs on to it. */
static void damage(struct packet *packet, uint64_t *random)
{
	uint64_t kind = sim_below(random, 8);

	packet->corrupt = true;
	if (kind == 0 && packet->size > 1) {
		packet->size = sim_between(random, 1, packet->size - 1);
	} else if (kind == 1) {
		packet->bytes[packet->size++] = (uint8_t)sim_random(random);
	} else {
		uint64_t bit = sim_below(random, 8 * packet->size);

		packet->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static struct packet *packet_new(const struct node *node, const struct endpoint *to,
				 const uint8_t *bytes, size_t size)
{
	struct packet *packet = malloc(sizeof(*packet) + size + 1);

	*packet = (struct packet){.from = {.remote = node_address(node, node->roams)},
				  .to = *to,
				  .sender = (uint8_t)node->index,
				  .size = size};
	packet->from.remote.port = (uint16_t)(packet->from.remote.port + to->lane);
	packet->to.lane = 0;
	memcpy(packet->bytes, bytes, size);
	packet->serial = (uint32_t)node->world->tally.datagrams;
	if (bytes[0] == MESSAGE_DATA) {
		packet->number = node->seal_number;
		packet->share = node->seal_share;
	}
	return packet;
}

/* Sabotage: node 1 hears nothing in the first half minute of good times. */
static bool is_deaf(struct world *world, const struct endpoint *to)
{
	const struct calm *calm = &world->calms[world->calm_at];
	const struct node *node = channel_find(world, to);

	return strcmp(world->sabotage, "deaf") == 0 && node && node->index == 1 &&
	       world->now >= calm->from && world->now < calm->from + 30 * SECOND_NS;
}

/* A firewall, in bad times, lets in what goes to lane 0's port. */
static bool is_closed(const struct world *world, const struct endpoint *to)
{
	const struct calm *calm = &world->calms[world->calm_at];

	return world->scenario->closes && to->remote.port != SIM_PORT && world->now < calm->from;
}

/* Puts one of the copies on its way, or loses it. */
static void dispatch(struct node *node, const struct link *link, const struct endpoint *to,
		     const uint8_t *bytes, size_t size, bool copy)
{
	struct world *world = node->world;
	uint64_t *random = &world->channel_random;

	if (sim_below(random, 1000) < link->loss || is_deaf(world, to) || is_closed(world, to))
		return;
	struct packet *packet = packet_new(node, to, bytes, size);
	packet->copy = copy;
	packet->when = world->now + link->delay_ns;
	if (link->jitter_ns)
		packet->when += sim_below(random, link->jitter_ns);
	if (copy)
		packet->when += sim_below(random, 1ULL << sim_between(random, 20, 36));
	if (sim_below(random, 1000) < link->corruption)
		damage(packet, random);
	put(world, packet);
}

void channel_send(struct node *node, const struct endpoint *to, const uint8_t *bytes, size_t size,
		  uint32_t peer_id)
{
	struct world *world = node->world;
	struct node *other = channel_find(world, to);
	size_t packet_size = size + endpoint_overhead(to);

	if (bytes[0] != MESSAGE_DATA) {
		node->seal_number = 0;
		watch_handshake(node, other, bytes[0]);
	}
	world->tally.datagrams++;
	world_trace(world, "node %d to %d: type %d, %zu bytes, frame %u", node->index,
		    other ? other->index : -1, bytes[0], size, node->seal_number);
	if (packet_size > door_of(node)) {
		watch_too_big(node, other, true);
		if (node->n_refused < 16) {
			node->refused[node->n_refused].peer_id = peer_id;
			node->refused[node->n_refused++].size = size;
		}
		return;
	}
	if (!other)
		return;
	struct link link = link_now(world, node->index, other->index);
	if (packet_size > link.mtu) {
		watch_too_big(node, other, false);
		return;
	}
	dispatch(node, &link, to, bytes, size, false);
	if (sim_below(&world->channel_random, 1000) < link.doubling)
		dispatch(node, &link, to, bytes, size, true);
}
