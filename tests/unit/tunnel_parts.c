/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's parts by themselves, each against a plain reference or its specification. */
#include "unit/test.h"
#include <stdlib.h>
#include "tunnel/drop.h"
#include "tunnel/mac_table.h"
#include "tunnel/offload.h"
#include "tunnel/pathmtu.h"
#include "tunnel/pieces.h"
#include "tunnel/replay.h"
#include "tunnel/wire.h"
#include "unit/tunnel_hex.h"

#define SECOND 1000000000ULL

static uint64_t state = 88172645463325252;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

/* The window as a list of everything ever accepted. */
static void replay_against_a_list(void)
{
	enum { N = 200000 };
	static bool seen[N];
	static struct replay replay;
	uint64_t greatest = 0;
	bool any = false;

	for (int i = 0; i < 200000; i++) {
		uint64_t counter = draw(500) ? greatest + draw(6) : greatest + draw(3000);

		if (draw(2) && greatest > 9000)
			counter = greatest - draw(9000);
		if (counter >= N - 10)
			break;
		bool want = !seen[counter] &&
			    (!any || counter > greatest || greatest - counter <= REPLAY_WINDOW);
		CHECK(replay_is_fresh(&replay, counter) == want);
		if (!want)
			continue;
		CHECK(replay_mark(&replay, counter) == (!any || counter > greatest));
		seen[counter] = true;
		greatest = !any || counter > greatest ? counter : greatest;
		any = true;
	}
	CHECK(greatest > N - 4000);
}

static void replay_edges(void)
{
	static struct replay replay;
	uint64_t last = UINT64_MAX - (1 << 13) - 1;

	replay_mark(&replay, 0);
	CHECK(!replay_is_fresh(&replay, 0));
	replay_mark(&replay, REPLAY_WINDOW + 1);
	CHECK(!replay_is_fresh(&replay, 0));
	CHECK(replay_is_fresh(&replay, 1));
	replay_mark(&replay, last);
	CHECK(replay_is_fresh(&replay, last - REPLAY_WINDOW));
	CHECK(!replay_is_fresh(&replay, last - REPLAY_WINDOW - 1));
	CHECK(!replay_is_fresh(&replay, last));
	CHECK(!replay_is_fresh(&replay, 5));
}

static void message_types(void)
{
	uint8_t message[200] = {MESSAGE_INITIATION};

	CHECK(wire_type(message, INITIATION_SIZE) == MESSAGE_INITIATION);
	CHECK(wire_type(message, INITIATION_SIZE - 1) == 0);
	CHECK(wire_type(message, INITIATION_SIZE + 1) == 0);
	message[2] = 1;
	CHECK(wire_type(message, INITIATION_SIZE) == 0);
	message[2] = 0;
	message[0] = MESSAGE_RESPONSE;
	CHECK(wire_type(message, RESPONSE_SIZE) == MESSAGE_RESPONSE);
	message[0] = MESSAGE_COOKIE;
	CHECK(wire_type(message, COOKIE_MESSAGE_SIZE) == MESSAGE_COOKIE);
	message[0] = MESSAGE_DATA;
	CHECK(wire_type(message, DATA_OVERHEAD) == MESSAGE_DATA);
	CHECK(wire_type(message, DATA_OVERHEAD - 1) == 0);
	CHECK(wire_type(message, 3) == 0 && wire_type(message, 0) == 0);
	message[0] = 5;
	CHECK(wire_type(message, 148) == 0);
}

/* Parses hex text; returns 0 or the drop plus one. */
static int parse(const char *text, struct inner *inner)
{
	static uint8_t bytes[256];
	size_t size = hex_read(text, bytes, sizeof(bytes));
	int rc = wire_parse(bytes, size, 0, inner);

	return rc ? (int)WIRE_DROP(rc) + 1 : 0;
}

#define BAD (DROP_INNER_BAD + 1)
#define FRAME14 "0200000000010200000000028888"

static void inner_frames(void)
{
	struct inner inner;

	CHECK(parse("0100000000000000" FRAME14, &inner) == 0);
	CHECK(inner.kind == INNER_FRAME && inner.size == 14);
	CHECK(parse("0132000000000000" FRAME14 "0000", &inner) == 0);
	CHECK(inner.size == 14 && inner.hop == 3);
	CHECK(parse("0102000000000000" FRAME14 "0001", &inner) == BAD); /* padding not zero */
	CHECK(parse("0140000000000000" FRAME14, &inner) == BAD);	/* reserved flags */
	CHECK(parse("0180000000000000" FRAME14, &inner) == BAD);
	CHECK(parse("0101000000000000" FRAME14, &inner) == BAD); /* last byte is no padding */
	CHECK(parse("01010000000000000200000000010200000000020800", &inner) == BAD); /* 13 */
	CHECK(parse("010f000000000000", &inner) == BAD);
	CHECK(parse("01000000000000", &inner) == BAD);
	CHECK(parse("0000000000000000" FRAME14, &inner) == BAD);
	CHECK(parse("0400000000000000" FRAME14, &inner) == BAD);
	CHECK(parse("1100000000000000" FRAME14, &inner) == BAD);
	CHECK(parse("0100000000000001" FRAME14, &inner) == DROP_SEGMENT_OTHER + 1);
	CHECK(parse("01000e0000000000" FRAME14 "0000", &inner) == 0);
	CHECK(inner.csum_start == 14 && inner.csum_offset == 0);
	CHECK(parse("01000e0100000000" FRAME14 "0000", &inner) == BAD); /* beyond the end */
	CHECK(parse("01000d0000000000" FRAME14 "0000", &inner) == BAD);
	CHECK(parse("0100000100000000" FRAME14 "0000", &inner) == BAD); /* offset without start */
}

/* A piece's own bytes: id, offset, total, and what there is of the frame. */
#define PIECE(offset, total, rest)                                                                 \
	"0200000000000000"                                                                         \
	"00000007" offset total rest
/* A control message's own bytes: type and lanes, size, id, fill. */
#define CONTROL(type, lanes, rest) "0300000000000000" type lanes "0040" rest

static void inner_pieces_and_control(void)
{
	static const struct {
		const char *hex;
		int want;
	} cases[] = {
		{PIECE("0011", "0012", "6f6d"), BAD}, /* beyond the end */
		{PIECE("ffff", "0012", "6f6d"), BAD},
		{PIECE("0000", "000d", "6f6d"), BAD}, /* no frame is so short */
		{PIECE("0000", "0012", ""), BAD},
		{"0200110000000000"
		 "00000007"
		 "0000"
		 "0012"
		 "6f",
		 BAD}, /* checksum outside */
		{"0200100000000000"
		 "00000007"
		 "0000"
		 "0012"
		 "6f",
		 0},
		{CONTROL("01", "01",
			 "01020304"
			 "00"),
		 0},
		{CONTROL("01", "10",
			 "01020304"
			 "00"),
		 0},
		{CONTROL("01", "01",
			 "01020304"
			 "01"),
		 BAD}, /* fill is zero */
		{CONTROL("02", "01",
			 "01020304"
			 "00"),
		 BAD}, /* a reply has none */
		{CONTROL("01", "00", "01020304"), BAD},
		{CONTROL("01", "11", "01020304"), BAD}, /* 17 lanes */
		{CONTROL("01", "01", "010203"), BAD},
		{CONTROL("03", "01", "01020304"), DROP_CONTROL_UNKNOWN + 1},
		{"0310000000000000"
		 "01010040"
		 "01020304",
		 BAD},
		{"0300000000000001"
		 "01010040"
		 "01020304",
		 BAD},
	};
	struct inner inner;

	CHECK(parse(PIECE("0010", "0012", "6f6d"), &inner) == 0);
	CHECK(inner.id == 7 && inner.offset == 16 && inner.total == 18 && inner.size == 2);
	CHECK(parse(CONTROL("01", "01", "01020304"), &inner) == 0);
	CHECK(inner.type == CONTROL_PROBE && inner.lanes == 1 && inner.probe_size == 0x40);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(parse(cases[i].hex, &inner) == cases[i].want);
}

/* For every size and path: few pieces, equal ones, none too large. */
static void piece_sizes(void)
{
	for (uint32_t inner_max = 200; inner_max < 1500; inner_max += 13) {
		for (uint32_t size = 14; size < 9100; size += 17) {
			uint32_t step = pieces_size(size, inner_max);
			uint32_t most = (inner_max - PIECE_HEADER) / 16 * 16;

			CHECK(step % 16 == 0 && step > 0 && step <= most);
			CHECK((size + step - 1) / step <= (size + most - 1) / most);
		}
	}
	CHECK(pieces_size(100, 31) == 0);
}

static struct pieces_result put(struct parcel_list *open, struct pool *pool, uint32_t id,
				uint32_t start, uint32_t end, uint32_t total, uint64_t now)
{
	static uint8_t bytes[65536];
	struct inner inner = {.kind = INNER_PIECE,
			      .id = id,
			      .offset = (uint16_t)start,
			      .total = (uint16_t)total,
			      .body = bytes,
			      .size = end - start};

	for (uint32_t i = start; i < end; i++)
		bytes[i - start] = (uint8_t)(i * 7 + id);
	return pieces_add(open, pool, 1, &inner, 9000, now);
}

/* Frames cut at random places, their pieces shuffled and mixed: every one comes out whole. */
static void pieces_in_any_order(void)
{
	struct parcel_list open;
	struct pool pool;

	parcel_list_init(&open);
	CHECK(pool_init(&pool, 32, 9000) == 0);
	for (int round = 0; round < 300; round++) {
		uint32_t total = 14 + draw(8986), cuts[20], n = 1 + draw(16), at = 0;
		struct pieces_result result = {0};

		cuts[0] = 0;
		for (uint32_t i = 1; i < n; i++)
			cuts[i] = cuts[i - 1] + 1 + draw(total / n);
		cuts[n] = total;
		while (cuts[n - 1] >= total)
			cuts[--n] = total;
		uint32_t order[20];
		for (uint32_t i = 0; i < n; i++)
			order[i] = i;
		for (uint32_t i = n; i > 1; i--) {
			uint32_t j = draw(i), swap = order[i - 1];

			order[i - 1] = order[j];
			order[j] = swap;
		}
		for (uint32_t i = 0; i < n; i++) {
			CHECK(!result.whole);
			at = order[i];
			result = put(&open, &pool, (uint32_t)round, cuts[at], cuts[at + 1], total,
				     1);
			CHECK(result.n_dropped == 0);
		}
		CHECK(result.whole && result.n_merged == n);
		if (!result.whole)
			continue;
		bool right = result.whole->frame.size == total;
		for (uint32_t i = 0; i < total; i++)
			right = right &&
				result.whole->frame.data[i] == (uint8_t)(i * 7 + (uint32_t)round);
		CHECK(right);
		pool_give(&pool, result.whole);
	}
	CHECK(open.n == 0 && pieces_held(&open) == 0);
	pool_fini(&pool);
}

static void pieces_refused(void)
{
	struct parcel_list open;
	struct pool pool;
	struct pieces_result result;

	parcel_list_init(&open);
	CHECK(pool_init(&pool, 20, 9000) == 0);
	put(&open, &pool, 1, 0, 100, 300, 1);
	result = put(&open, &pool, 1, 99, 200, 300, 1); /* overlaps */
	CHECK(result.n_dropped == 2 && result.why == DROP_PIECE_BAD && open.n == 0);
	put(&open, &pool, 2, 0, 100, 300, 1);
	result = put(&open, &pool, 2, 100, 200, 301, 1); /* contradicts */
	CHECK(result.n_dropped == 2 && open.n == 0);
	put(&open, &pool, 3, 0, 100, 300, 1);
	result = put(&open, &pool, 3, 0, 100, 300, 1); /* twice */
	CHECK(result.n_dropped == 2 && open.n == 0);
	result = put(&open, &pool, 4, 0, 100, 9001, 1); /* longer than our frames */
	CHECK(result.n_dropped == 1 && result.why == DROP_PIECE_BAD && open.n == 0);
	for (uint32_t i = 0; i < 32; i++)
		CHECK(put(&open, &pool, 5, i * 4, i * 4 + 2, 300, 1).n_dropped == 0);
	CHECK(put(&open, &pool, 5, 200, 202, 300, 1).n_dropped == 33); /* too many holes */
	for (uint32_t i = 0; i < 17; i++)
		result = put(&open, &pool, 10 + i, 0, 100, 300, 1 + i);
	CHECK(result.why == DROP_PIECE_FULL && result.n_dropped == 1 && open.n == PIECES_OPEN);
	CHECK(pieces_held(&open) == PIECES_OPEN);
	CHECK(pieces_expire(&open, &pool, 1 + SECOND) == 0); /* number 10 made room already */
	CHECK(pieces_expire(&open, &pool, 2 + SECOND) == 1);
	CHECK(pieces_clear(&open, &pool) == PIECES_OPEN - 1);
	CHECK(open.n == 0);
	pool_fini(&pool);
}

static void mac_learning(void)
{
	struct siphash_key key = {{1, 2}};
	struct mac_place here = {.limit = 1000}, there = {.limit = 3};
	struct mac_table table;
	uint64_t now = 5000 * SECOND;

	CHECK(mac_table_init(&table, 1024, &key) == 0);
	CHECK(mac_table_learn(&table, 1, &here, now) == MAC_NEW);
	CHECK(mac_table_learn(&table, 1, &here, now) == MAC_KNOWN);
	CHECK(mac_table_find(&table, 1, now) == &here && !mac_table_find(&table, 2, now));
	CHECK(mac_table_learn(&table, 1, &there, now + SECOND - 1000000) == MAC_HELD);
	CHECK(mac_table_learn(&table, 1, &there, now + SECOND) == MAC_MOVED);
	CHECK(here.count == 0 && there.count == 1 && table.moves == 1);
	CHECK(mac_table_learn(&table, 1, &here, now + SECOND + SECOND / 2) == MAC_HELD);
	CHECK(mac_table_learn(&table, 2, &there, now) == MAC_NEW);
	CHECK(mac_table_learn(&table, 3, &there, now) == MAC_NEW);
	CHECK(mac_table_learn(&table, 4, &there, now) == MAC_REFUSED && there.refused == 1);
	CHECK(mac_table_find(&table, 2, now + 299 * SECOND) == &there);
	CHECK(mac_table_find(&table, 2, now + 300 * SECOND) == NULL);
	CHECK(mac_table_learn(&table, 2, &here, now + 300 * SECOND) == MAC_NEW);
	CHECK(there.count == 2);
	mac_table_sweep(&table, 1000, now + 400 * SECOND);
	CHECK(there.count == 0 && here.count == 1 && table.count == 1);
	CHECK(mac_table_learn(&table, 2, &here, now + 400 * SECOND) == MAC_KNOWN);
	mac_table_forget(&table, &here);
	CHECK(table.count == 0 && here.count == 0);
	CHECK(mac_table_learn(&table, 2, &here, now + 400 * SECOND) == MAC_NEW);
	mac_table_fini(&table);
}

/* Thousands of addresses against an array. */
static void mac_table_against_an_array(void)
{
	enum { N = 5000 };
	static struct mac_place *at[N];
	static uint64_t moved[N];
	struct mac_place places[3] = {{.limit = N}, {.limit = N}, {.limit = N}};
	struct siphash_key key = {{3, 4}};
	struct mac_table table;
	uint64_t now = 100 * SECOND;

	CHECK(mac_table_init(&table, 4096, &key) == 0);
	for (int i = 0; i < 100000; i++) {
		uint32_t mac = draw(N);
		struct mac_place *place = &places[draw(3)];
		enum mac_learned got = mac_table_learn(&table, mac, place, now);

		if (!at[mac])
			CHECK(got == MAC_NEW || (got == MAC_REFUSED && table.count == 4096));
		else if (at[mac] == place)
			CHECK(got == MAC_KNOWN);
		else
			CHECK(got == (now - moved[mac] < SECOND ? MAC_HELD : MAC_MOVED));
		if (got == MAC_NEW || got == MAC_MOVED) {
			at[mac] = place;
			moved[mac] = now;
		}
		CHECK(mac_table_find(&table, mac, now) == at[mac]);
		now += 1000000;
	}
	CHECK(places[0].count + places[1].count + places[2].count == table.count);
	mac_table_forget(&table, &places[1]);
	for (int i = 0; i < N; i++)
		CHECK(mac_table_find(&table, i, now) == (at[i] == &places[1] ? NULL : at[i]));
	mac_table_fini(&table);
}

/* Searches as an engine would, on a path that takes packets of up to `real`. Returns the time. */
static uint64_t search(struct pathmtu *path, uint32_t real)
{
	uint16_t sizes[PATHMTU_PROBES];
	uint64_t now = SECOND;

	pathmtu_start(path, now);
	for (int i = 0; i < 200 && path->phase != PATHMTU_REST; i++) {
		now = pathmtu_due(path) > now ? pathmtu_due(path) : now;
		for (int n = pathmtu_run(path, now, sizes); n > 0; n--)
			if (sizes[n - 1] <= real)
				pathmtu_reply(path, sizes[n - 1], now);
		CHECK(path->value <= real);
	}
	return now;
}

/* A path of every size: found, to 8 bytes, from below and never above. */
static void path_of_every_size(void)
{
	for (uint32_t real = 576; real <= 1700; real += 7) {
		struct pathmtu path;

		pathmtu_reset(&path, false, 1600);
		CHECK(path.value == 576);
		CHECK(search(&path, real) < 60 * SECOND);
		CHECK(path.phase == PATHMTU_REST);
		CHECK(path.value + 8u >= (real < 1600 ? real : 1600));
	}
}

static void path_black_hole(void)
{
	struct pathmtu path;
	uint16_t sizes[PATHMTU_PROBES];
	uint64_t now = SECOND;

	pathmtu_reset(&path, true, 1600);
	pathmtu_start(&path, now);
	CHECK(pathmtu_run(&path, now, sizes) > 3);
	pathmtu_reply(&path, 1500, now);
	CHECK(path.value == 1500);
	pathmtu_sent(&path, 1500, now);
	for (int i = 0; i < 300 && path.value == 1500; i++) {
		now += SECOND / 5;
		pathmtu_run(&path, now, sizes);
	}
	CHECK(path.value == 1280 && now < 12 * SECOND);
	/* It is a hole no more: what answers is believed. */
	pathmtu_reply(&path, 1500, now);
	pathmtu_sent(&path, 1500, now);
	for (int i = 0; i < 100; i++) {
		now += SECOND;
		int n = pathmtu_run(&path, now, sizes);
		for (int j = 0; j < n; j++)
			if (sizes[j] <= 1500)
				pathmtu_reply(&path, sizes[j], now);
		pathmtu_sent(&path, 1500, now);
	}
	CHECK(path.value == 1500);
	pathmtu_refused(&path, 1500, now); /* the interface's own MTU fell */
	CHECK(path.value == 1280 && path.fail == 1500);
	pathmtu_refused(&path, 1600, now);
	CHECK(path.fail == 1500);
}

/* Ten minutes later the path takes more. */
static void path_widens(void)
{
	struct pathmtu path;
	uint16_t sizes[PATHMTU_PROBES];

	pathmtu_reset(&path, false, 1600);
	uint64_t now = search(&path, 1300);
	CHECK(path.value > 1290 && path.value <= 1300);
	CHECK(pathmtu_due(&path) > now + 500 * SECOND && pathmtu_due(&path) < now + 700 * SECOND);
	now = pathmtu_due(&path);
	CHECK(pathmtu_run(&path, now, sizes) > 1);
	pathmtu_reply(&path, 1500, now);
	CHECK(path.value == 1500);
}

static void checksums(void)
{
	uint8_t bytes[100];
	struct frame frame = {.data = bytes, .size = 61, .csum_start = 34, .csum_offset = 6};

	for (int i = 0; i < 100; i++)
		bytes[i] = (uint8_t)(i * 37);
	CHECK(offload_checksum_fits(&frame));
	offload_complete_checksum(&frame);
	CHECK(frame.csum_start == 0);
	/* With its checksum in place the sum of everything is all ones, but for what the field was.
	 */
	uint32_t field = (6 + 34) * 37 & 0xff, sum = 0;
	field = (field << 8 | ((41 * 37) & 0xff));
	for (int i = 34; i < 61; i += 2)
		sum += bytes[i] << 8 | (i + 1 < 61 ? bytes[i + 1] : 0);
	sum += field;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	CHECK(sum == 0xffff);
	frame.csum_start = 60;
	CHECK(!offload_checksum_fits(&frame));
	frame.csum_start = 13;
	frame.csum_offset = 0;
	CHECK(!offload_checksum_fits(&frame));
	memset(bytes, 0, sizeof(bytes));
	bytes[34] = bytes[35] = 0xff;
	frame.csum_start = 34;
	offload_complete_checksum(&frame);
	CHECK(bytes[34] == 0xff && bytes[35] == 0xff); /* 0 is written as all ones */
}

static void drops_have_names(void)
{
	for (int i = 0; i < DROP_COUNT; i++) {
		CHECK(strlen(drop_name(i)) > 4);
		for (int j = 0; j < i; j++)
			CHECK(strcmp(drop_name(i), drop_name(j)) != 0);
	}
}

int main(void)
{
	TEST(replay_against_a_list);
	TEST(replay_edges);
	TEST(message_types);
	TEST(inner_frames);
	TEST(inner_pieces_and_control);
	TEST(piece_sizes);
	TEST(pieces_in_any_order);
	TEST(pieces_refused);
	TEST(mac_learning);
	TEST(mac_table_against_an_array);
	TEST(path_of_every_size);
	TEST(path_black_hole);
	TEST(path_widens);
	TEST(checksums);
	TEST(drops_have_names);
	return test_done();
}
