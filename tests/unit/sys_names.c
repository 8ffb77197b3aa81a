/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pieces of sys/ that need no right and no kernel: names of variables, names of links, messages. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/refusal.h"
#include "sys/link_names.h"
#include "sys/nl_msg.h"
#include "sys/nl_sock.h"
#include "sys/sysctl.h"

static void sysctl_spellings(void)
{
	static const char *const pairs[][2] = {
		{"net.ipv4.ip_forward", "net.ipv4.ip_forward"},
		{"net/ipv4/ip_forward", "net.ipv4.ip_forward"},
		{"net/ipv4/conf/eth1.1000/forwarding", "net.ipv4.conf.eth1/1000.forwarding"},
		{"net.ipv4.conf.eth1/1000.forwarding", "net.ipv4.conf.eth1/1000.forwarding"},
		{"net.ipv4.conf.eth1.1000.forwarding", "net.ipv4.conf.eth1/1000.forwarding"},
		{"net.ipv6.neigh.a.b.c.gc_stale_time", "net.ipv6.neigh.a/b/c.gc_stale_time"},
		{"net.ipv4.conf.all.rp_filter", "net.ipv4.conf.all.rp_filter"},
		{"net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-iptables"},
	};
	char name[SYSCTL_NAME_MAX];
	struct err err;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		CHECK(sysctl_name(pairs[i][0], name, &err) == 0);
		CHECK_TEXT(name, pairs[i][1]);
	}
}

static void sysctl_never_outside(void)
{
	static const char *const bad[] = {
		"",
		".",
		"net",
		"net.",
		"net/",
		"kernel.hostname",
		"kernel/hostname",
		"net/../kernel/hostname",
		"net.ipv4.conf.//.forwarding",
		"net/ipv4/../../kernel/hostname",
		"net..ipv4",
		"net/ipv4/./x",
		"net//ipv4",
		"/proc/sys/net/ipv4/ip_forward",
		"net.ipv4 .x",
		"net.ipv4.x\n",
		"netfilter.x",
	};
	char name[SYSCTL_NAME_MAX], big[400];
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sysctl_name(bad[i], name, &err) == 0)
			printf("# %s -> %s\n", bad[i], name);
		CHECK(sysctl_name(bad[i], name, &err) == -EINVAL);
	}
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	CHECK(sysctl_name(big, name, &err) == -EINVAL);
}

static void sysctl_devices(void)
{
	char device[16];

	CHECK(sysctl_device("net.ipv4.conf.eth1/1000.forwarding", device));
	CHECK_TEXT(device, "eth1.1000");
	CHECK(sysctl_device("net.ipv6.neigh.br0.gc_stale_time", device));
	CHECK_TEXT(device, "br0");
	CHECK(!sysctl_device("net.ipv4.conf.all.forwarding", device));
	CHECK(!sysctl_device("net.ipv4.conf.default.forwarding", device));
	CHECK(!sysctl_device("net.ipv4.ip_forward", device));
	CHECK(!sysctl_device("net.ipv4.conf.abcdefghijklmnopq.forwarding", device));
}

static void sysctl_values(void)
{
	struct text value TEXT_CLEANUP = {0};

	sysctl_value(" 4096\t131072   6291456\n", &value);
	CHECK_TEXT(text_get(&value), "4096 131072 6291456");
}

static void link_names_against_a_list(void)
{
	struct link_names names = {0};
	uint32_t seed = 7, index;
	char have[512][16] = {{0}}, name[16];

	for (int i = 0; i < 20000; i++) {
		seed = seed * 1664525 + 1013904223;
		index = 1 + seed / 65536 % 511;
		if (seed & 4096) {
			snprintf(name, sizeof(name), "n%u", i);
			link_names_set(&names, index, name);
			strcpy(have[index], name);
		} else {
			link_names_drop(&names, index);
			have[index][0] = '\0';
		}
	}
	for (index = 1; index < 512; index++) {
		const char *found = link_names_name(&names, index);

		CHECK(have[index][0] ? found && strcmp(found, have[index]) == 0 : !found);
		if (found)
			CHECK(link_names_index(&names, found) == index);
	}
	CHECK(link_names_index(&names, "none") == 0);
	link_names_fini(&names);
}

static void messages_taken_apart(void)
{
	struct nl_msg msg;
	const struct nlattr *attrs[8];
	struct nlattr *nest;

	nl_msg_start(&msg, 16, 0, sizeof(uint32_t));
	mnl_attr_put_u32(&msg.head, 3, 77);
	mnl_attr_put(&msg.head, 4, 3, "abc"); /* no NUL */
	nest = mnl_attr_nest_start(&msg.head, 5);
	mnl_attr_put_u8(&msg.head, 1, 9);
	mnl_attr_put_strz(&msg.head, 2, "word");
	mnl_attr_nest_end(&msg.head, nest);
	nl_attrs(&msg.head, sizeof(uint32_t), attrs, 8);
	CHECK(nl_u32(attrs[3], 0) == 77 && nl_u32(attrs[7], 5) == 5 && nl_u32(attrs[4], 6) == 6);
	CHECK(!nl_text(attrs[4]) && !nl_text(NULL));
	CHECK(nl_u32(nl_nest_find(attrs[5], 1), 0) == 9 && !nl_nest_find(attrs[5], 3));
	CHECK_TEXT(nl_text(nl_nest_find(attrs[5], 2)), "word");
}

/* A refusal comes back to the field whose bytes it means, or whose word it says. */
static void refusals_find_their_field(void)
{
	const struct kind *kind = kind_find("bridge");
	struct nl_refusal refusal = {0};
	const struct object *found;
	struct sent sent = {0};
	struct arena arena;
	struct object *object;
	struct nl_msg msg;
	unsigned int field;
	uint32_t start, mtu, alias;

	arena_init(&arena);
	object = object_make(&arena, kind, "");
	mtu = (uint32_t)kind_field_find(kind, "mtu");
	alias = (uint32_t)kind_field_find(kind, "alias");
	nl_msg_start(&msg, 16, 0, 16);
	start = msg.head.nlmsg_len;
	mnl_attr_put_u32(&msg.head, 4, 1);
	sent_note(&sent, object, mtu, start, &msg.head);
	start = msg.head.nlmsg_len;
	mnl_attr_put_u32(&msg.head, 5, 1);
	sent_note(&sent, object, alias, start, &msg.head);
	CHECK(!sent_find(&sent, &refusal, &found, &field));
	refusal.offset = start + 4;
	CHECK(sent_find(&sent, &refusal, &found, &field) && field == alias);
	refusal = (struct nl_refusal){.text = "mtu greater than device maximum"};
	CHECK(sent_find(&sent, &refusal, &found, &field) && field == mtu);
	arena_fini(&arena);
}

int main(void)
{
	TEST(sysctl_spellings);
	TEST(sysctl_never_outside);
	TEST(sysctl_devices);
	TEST(sysctl_values);
	TEST(link_names_against_a_list);
	TEST(messages_taken_apart);
	TEST(refusals_find_their_field);
	return test_done();
}
