/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeper and door say to each other, and what the keeper makes of it, without sockets of a
 * net. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/inside.h"
#include "model/record.h"
#include "test.h"

#define TUNNEL "tunnel ns1/ name=lan0 key=/etc/lan0.key port=51821"
#define PEER                                                                                       \
	"peer ns1/ tunnel=lan0 name=beta "                                                         \
	"keys.public=tfk+4WsPT28D80s+NmYChfH+RW+PkDufIdqnRfrvSEA%3d"

static struct arena arena;
static struct err err;

static struct object *object(const char *record)
{
	struct object *made = NULL;

	if (record_get(record, strlen(record), &arena, &made, &err))
		printf("# %s: %s\n", record, err.message);
	return made;
}

static struct keeper_step create(const char *record)
{
	return (struct keeper_step){.step.after = object(record)};
}

static void steps_travel(void)
{
	struct keeper_step sent[3] = {create(TUNNEL), create(PEER), create(PEER)}, *got;
	struct text text TEXT_CLEANUP = {0};
	struct text again TEXT_CLEANUP = {0};
	int field = kind_field_find(sent[1].step.after->kind, "keepalive");
	size_t len;

	sent[0].sockets = 2;
	sent[1].resolved = "192.0.2.1:51821";
	sent[2].step.before = sent[1].step.after;
	sent[2].step.mask = UINT64_C(1) << field;
	keeper_steps_put(sent, 3, &text);
	CHECK(keeper_steps_get(&text, 2, &arena, &got, &len, &err) == 0);
	CHECK(len == 3);
	CHECK(got[0].sockets == 2 && !got[0].step.before);
	CHECK_TEXT(got[0].step.after->ns, "ns1");
	CHECK_TEXT(got[1].resolved, "192.0.2.1:51821");
	CHECK(got[2].step.mask == sent[2].step.mask);
	keeper_steps_put(got, len, &again);
	CHECK_TEXT(text_get(&again), text_get(&text));
	CHECK(keeper_steps_get(&text, 1, &arena, &got, &len, &err) == -EINVAL);
}

static int refusal(const char *bytes)
{
	struct text text TEXT_CLEANUP = {0};
	struct keeper_step *steps;
	size_t len;

	text_add(&text, "%s", bytes);
	err = (struct err){0};
	return keeper_steps_get(&text, 0, &arena, &steps, &len, &err);
}

static void hostile_steps_are_refused(void)
{
	static const char *const bad[] = {
		"before " TUNNEL "\n",
		"step\n",
		"step\nafter " TUNNEL, /* cut off */
		"step\nafter " TUNNEL "\nafter " TUNNEL "\n",
		"step\nafter bridge ns1/ name=br0\n",
		"step\nafter nonsense ns1/ name=br0\n",
		"step\nafter tunnel ns1/ name=lan0\n", /* without its key file */
		"step\nafter tunnel ns1/ key=/etc/lan0.key\n",
		"step\nafter tunnel ../x/ name=lan0 key=/etc/lan0.key\n",
		"step\nafter tunnel a/b/ name=lan0 key=/etc/lan0.key\n",
		"step\nafter tunnel ns1/ name=lan0 key=relative\n",
		"step\nafter tunnel ns1/ name=lan%20 key=/k\n",
		"step\nafter tunnel ns1/ name=t%25d key=/k\n",
		"step\nafter tunnel ns1/ name=lan0 key=/k port=65536\n",
		"step\nafter tunnel ns1/ name=lan0 key=/k port=18446744073709551617\n",
		"step\nafter tunnel ns1/ name=lan0 key=/k name%00=x\n",
		"step\nafter " PEER "0000\n",
		"step\nbefore " TUNNEL "\nafter " PEER "\n",
		"step\nbefore " TUNNEL "\nafter " TUNNEL "\nfields name\n",
		"step\nbefore " TUNNEL "\nafter " TUNNEL "\nfields nothing\n",
		"step\nfields port\n",
		"step\nbefore " TUNNEL "\nsockets 1\n",
		"step\nafter " TUNNEL "\nsockets 1\n", /* none came along */
		"step\nafter " TUNNEL "\nsockets 3\n",
		"step\nafter " TUNNEL "\nsockets -1\n",
		"step\nafter " TUNNEL "\nwhatever\n",
	};

	CHECK(refusal("step\nafter " TUNNEL "\n") == 0);
	CHECK(refusal("step\nafter " PEER "\n") == 0);
	CHECK(refusal("step\nbefore " TUNNEL "\nafter " TUNNEL "\nfields port cipher\n") == 0);
	CHECK(refusal("") == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(refusal(bad[i]) < 0);
		if (!err.message[0])
			printf("# accepted or unexplained: %s\n", bad[i]);
		CHECK(err.message[0]);
	}
}

/* A line of 8 MiB, a million words, a million lines: refused or read in memory of that order. */
static void large_texts_are_bounded(void)
{
	struct text text TEXT_CLEANUP = {0};
	struct keeper_step *steps;
	struct arena own;
	size_t len;

	text_add(&text, "step\nafter tunnel ns1/ name=");
	for (int i = 0; i < KEEPER_LINE_MOST; i++)
		text_add(&text, "x");
	text_add(&text, "\n");
	arena_init(&own);
	CHECK(keeper_steps_get(&text, 0, &own, &steps, &len, &err) == -EINVAL);
	text_clear(&text);
	for (int i = 0; i < 200000; i++)
		text_add(&text, "step\n");
	CHECK(keeper_steps_get(&text, 0, &own, &steps, &len, &err) == -EINVAL);
	text_clear(&text);
	text_add(&text, "step\nafter tunnel ns1/");
	for (int i = 0; i < 8000; i++)
		text_add(&text, " a");
	text_add(&text, "\n");
	CHECK(keeper_steps_get(&text, 0, &own, &steps, &len, &err) == -EINVAL);
	arena_fini(&own);
}

static int receive_all(int sock, struct keeper_message *message)
{
	int r = 0;

	while (!r)
		r = keeper_message_receive(sock, message, &err);
	return r;
}

static void messages_travel_in_pieces(void)
{
	struct keeper_message sent = {.request = KEEPER_APPLY, .fd_count = 2};
	struct keeper_message got KEEPER_MESSAGE_CLEANUP = {0};
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	keeper_socket_widen(pair[0]);
	for (int i = 0; i < 50000; i++)
		text_add(&sent.text, "line %d\n", i);
	sent.fds[0] = open("/dev/null", O_RDONLY);
	sent.fds[1] = open("/dev/zero", O_RDONLY);
	CHECK(keeper_message_send(pair[0], &sent, &err) == 0);
	CHECK(receive_all(pair[1], &got) == 1);
	CHECK(got.request == KEEPER_APPLY && got.fd_count == 2 && got.code == 0);
	CHECK(got.text.size == sent.text.size && !strcmp(got.text.bytes, sent.text.bytes));
	CHECK(fcntl(got.fds[0], F_GETFD) == FD_CLOEXEC);
	keeper_message_fini(&sent);
	close(pair[0]);
	keeper_message_fini(&got);
	CHECK(receive_all(pair[1], &got) == -ECONNRESET);
	close(pair[1]);
}

static int raw(const void *bytes, size_t size, size_t fds)
{
	struct keeper_message got KEEPER_MESSAGE_CLEANUP = {0};
	char control[CMSG_SPACE(200 * sizeof(int))] = {0};
	struct iovec part = {(void *)bytes, size};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head = (struct cmsghdr *)control;
	int pair[2], r;

	if (fds) {
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		*head = (struct cmsghdr){CMSG_LEN(fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memset(CMSG_DATA(head), 0, fds * sizeof(int)); /* descriptor 0 */
	}
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	CHECK(sendmsg(pair[0], &header, 0) == (ssize_t)size);
	r = keeper_message_receive(pair[1], &got, &err);
	close(pair[0]);
	close(pair[1]);
	return r;
}

static void foreign_messages_are_refused(void)
{
	unsigned char good[16] = {'l', 'o', 'o', 'm', KEEPER_PROTOCOL, KEEPER_LIST, 0, 0};
	unsigned char bad[16];

	CHECK(raw(good, 12, 0) == 1);
	CHECK(raw(good, 12, 3) == 1);
	for (size_t i = 0; i < 12; i++) {
		memcpy(bad, good, sizeof(bad));
		bad[i] ^= 0x40;
		CHECK(raw(bad, 12, 0) == -EPROTO);
	}
	for (size_t size = 1; size < 12; size++)
		CHECK(raw(good, size, 0) == -EPROTO);
	CHECK(raw(good, 13, 0) == -EPROTO); /* a NUL in the text */
	CHECK(raw(good, 12, KEEPER_FDS_MOST + 1) == -EPROTO);
}

static void errors_travel(void)
{
	struct err sent, got;
	struct keeper_message answer KEEPER_MESSAGE_CLEANUP = {0};
	int step;

	err_set(&sent, -EADDRINUSE, "100%% of it\n\tis = taken %s", "\xc3\xa4");
	err_hint(&sent, "try another");
	err_at(&sent, "lan0", (struct place){0});
	keeper_error_put(&sent, 3, &answer);
	CHECK(answer.code == -EADDRINUSE);
	keeper_error_get(&answer, &step, &got);
	CHECK(step == 3 && got.code == -EADDRINUSE);
	CHECK_TEXT(got.message, sent.message);
	CHECK_TEXT(got.hint, "try another");
	CHECK_TEXT(got.object, "lan0");
	keeper_error_put(&sent, -1, &answer);
	keeper_error_get(&answer, &step, &got);
	CHECK(step == -1);
	/* a message without words is none, and cannot steer the terminal */
	text_clear(&answer.text);
	text_add(&answer.text, "message \nhint %%1b[2J\n");
	keeper_error_get(&answer, &step, &got);
	CHECK_TEXT(got.message, "the keeper refused and gave no reason");
	CHECK_TEXT(got.hint, "?[2J");
}

static void setups_change_by_steps(void)
{
	struct setup *setup = setup_copy(NULL), *copy;
	struct keeper_step tunnel = create(TUNNEL), peer = create(PEER), change;
	int endpoint = kind_field_find(peer.step.after->kind, "endpoint");

	tunnel.sockets = 1;
	CHECK(setup_step(setup, &tunnel, &err) == 0);
	CHECK(setup_step(setup, &tunnel, &err) == -EEXIST);
	CHECK(setup_step(setup, &peer, &err) == 0);
	CHECK(setup_step(setup, &peer, &err) == -EEXIST);
	CHECK(setup->len == 1 && !setup->peers[0].resolved);
	change = (struct keeper_step){
		.step = {.before = peer.step.after,
			 .after = object(PEER " endpoint=192.0.2.1:7"),
			 .mask = UINT64_C(1) << endpoint},
	};
	CHECK(setup_step(setup, &change, &err) == -EINVAL); /* nobody resolved it */
	change.resolved = "192.0.2.1:7";
	CHECK(setup_step(setup, &change, &err) == 0);
	copy = setup_copy(setup);
	setup_free(setup);
	CHECK_TEXT(object_text(copy->peers[0].object, "endpoint"), "192.0.2.1:7");
	CHECK_TEXT(copy->peers[0].resolved, "192.0.2.1:7");
	change.step = step_swapped(&change.step); /* undone: the endpoint is taken back */
	change.resolved = NULL;
	CHECK(setup_step(copy, &change, &err) == 0);
	CHECK(!object_has_key(copy->peers[0].object, "endpoint") && !copy->peers[0].resolved);
	peer.step = step_swapped(&peer.step);
	CHECK(setup_step(copy, &peer, &err) == 0 && copy->len == 0);
	CHECK(setup_step(copy, &peer, &err) == 0); /* gone is gone */
	setup_free(copy);
}

static void five_times_in_a_minute_is_enough(void)
{
	struct budget budget = {0};
	uint64_t now = 1000000;

	for (int i = 0; i < 4; i++)
		CHECK(!budget_use(&budget, "br0, mtu", now += 1000));
	CHECK(!budget_use(&budget, "br0, stp", now));
	CHECK(!budget_spent(&budget, "br0, mtu"));
	CHECK(budget_use(&budget, "br0, mtu", now += 1000));
	CHECK(budget_spent(&budget, "br0, mtu") && !budget_spent(&budget, "br0, stp"));
	CHECK(!budget_use(&budget, "br0, mtu", now)); /* said once */
	budget_clear(&budget);
	CHECK(!budget_spent(&budget, "br0, mtu"));
	for (int i = 0; i < 20; i++) /* every 16 s: four in a minute */
		CHECK(!budget_use(&budget, "br0, mtu", now += 16000));
	for (int i = 0; i < 5000; i++) {
		char what[20];

		snprintf(what, sizeof(what), "dm%d", i);
		budget_use(&budget, what, now);
	}
	CHECK(budget.len <= 4096);
	budget_clear(&budget);
}

int main(void)
{
	arena_init(&arena);
	TEST(steps_travel);
	TEST(hostile_steps_are_refused);
	TEST(large_texts_are_bounded);
	TEST(messages_travel_in_pieces);
	TEST(foreign_messages_are_refused);
	TEST(errors_travel);
	TEST(setups_change_by_steps);
	TEST(five_times_in_a_minute_is_enough);
	arena_fini(&arena);
	return test_done();
}
