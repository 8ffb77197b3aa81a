/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects from KEY=VALUE words: what add, set and del make of a state. */
#include <errno.h>

#include "conf/conf.h"
#include "model/record.h"
#include "unit/test.h"

static struct arena arena;
static struct state state;
static struct diag diag;

static void begin(void)
{
	arena_init(&arena);
	state_init(&state, &arena);
}

static void end(void)
{
	for (size_t i = 0; i < diag.error_count; i++)
		printf("# %s: %s\n", diag.errors[i].object, diag.errors[i].message);
	CHECK(diag.error_count == 0);
	diag_fini(&diag);
	arena_fini(&arena);
}

#define WORDS(...)                                                                                 \
	(const char *const[]){__VA_ARGS__},                                                        \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

/* The records of the state, one a line. */
static const char *records(void)
{
	struct text text TEXT_CLEANUP = {0};

	for (size_t i = 0; i < state.len; i++) {
		record_put(state.objects[i], &text);
		text_add(&text, "\n");
	}
	return arena_text(&arena, text_get(&text));
}

/* One error told, with this in it; it is then forgotten. */
static void check_error(int r, int code, const char *message)
{
	CHECK(r == code);
	CHECK(diag.error_count == 1);
	CHECK(diag.error_count && strstr(diag.errors[0].message, message));
	if (diag.error_count && !strstr(diag.errors[0].message, message))
		printf("# have: %s\n", diag.errors[0].message);
	diag_fini(&diag);
}

static void adding(void)
{
	begin();
	CHECK(conf_add("tap", "tap0", WORDS("owner=root", "multi-queue=true"), &state, &diag) == 0);
	CHECK(conf_add("bridge", "br0",
		       WORDS("addresses=10.0.0.1/24,10.0.0.2/24", "interfaces=tap0,eth7",
			     "parameters.stp=true", "parameters.path-cost={eth7: 5}",
			     "routes=[{to: default, via: 10.0.0.254}]", "alias="),
		       &state, &diag) == 0);
	CHECK_TEXT(records(), "bridge / name=br0 up=true alias= parameters.stp=true "
			      "parameters.forward-delay=15\n"
			      "tap / name=tap0 up=true owner=0 multi-queue=true\n"
			      "port / device=eth7 bridge=br0 cost=5\n"
			      "port / device=tap0 bridge=br0\n"
			      "address / device=br0 address=10.0.0.1/24\n"
			      "address / device=br0 address=10.0.0.2/24\n"
			      "route / to=default table=254 metric=0 device=br0 via=10.0.0.254\n");
	end();
}

static void adding_elsewhere(void)
{
	begin();
	CHECK(conf_add("namespaces", "ns1", NULL, 0, &state, &diag) == 0);
	CHECK(conf_add("virtual-ethernets", "ns1/v1", WORDS("peer=/v0"), &state, &diag) == 0);
	CHECK(conf_add("tunnel", "lan0", WORDS("key=/k", "mtu=1400", "port=7"), &state, &diag) ==
	      0);
	CHECK(conf_add("sysctl", "net.ipv4.ip_forward", WORDS("value=1"), &state, &diag) == 0);
	CHECK_TEXT(records(), "namespace / name=ns1\n"
			      "tap / name=lan0 up=true mtu=1400 owner=0\n"
			      "veth / name=v0 up=true peer=ns1/v1\n"
			      "sysctl / name=net.ipv4.ip_forward value=1\n"
			      "tunnel / name=lan0 key=/k port=7\n"
			      "veth ns1/ name=v1 up=true peer=/v0\n");
	end();
}

static void refusing(void)
{
	begin();
	CHECK(conf_add("tap", "tap0", NULL, 0, &state, &diag) == 0);
	check_error(conf_add("tap", "tap0", NULL, 0, &state, &diag), -EEXIST, "stands already");
	check_error(conf_add("tun", "tap0", NULL, 0, &state, &diag), -EEXIST, "stands already");
	check_error(conf_add("brigde", "b", NULL, 0, &state, &diag), -EINVAL,
		    "did you mean \"bridge\"");
	check_error(conf_add("address", "10.0.0.1/24", NULL, 0, &state, &diag), -EINVAL,
		    "stands under a link");
	check_error(conf_add("tap", "a/b/c/", NULL, 0, &state, &diag), -EINVAL, "bytes long");
	check_error(conf_add("tap", "t", WORDS("mtu"), &state, &diag), -EINVAL, "not KEY=VALUE");
	check_error(conf_add("tap", "t", WORDS("mtuu=1500"), &state, &diag), -EINVAL,
		    "did you mean \"mtu\"");
	check_error(conf_add("tap", "t", WORDS("mtu=1500", "mtu=1400"), &state, &diag), -EINVAL,
		    "twice");
	check_error(conf_add("tap", "t", WORDS("addresses=[::1/64]"), &state, &diag), -EINVAL,
		    "begins with a colon");
	check_error(conf_add("bridge", "b", WORDS("agein-time=3"), &state, &diag), -EINVAL,
		    "did you mean \"parameters.ageing-time\"");
	/* it may well be there: planning looks, and has the suggestion */
	CHECK(conf_add("bridge", "b", WORDS("interfaces=tapo"), &state, &diag) == 0);
	CHECK(conf_del("b", &state, &diag) == 0);
	check_error(conf_add("tunnel", "l",
			     WORDS("key=aGFsbG9oYWxsb2hhbGxvaGFsbG9oYWxsb2hhbGxvaGE="), &state,
			     &diag),
		    -EINVAL, "secrets stand in files");
	CHECK_TEXT(records(), "tap / name=tap0 up=true owner=0\n");
	end();
}

static void setting(void)
{
	begin();
	CHECK(conf_add("bridge", "br0",
		       WORDS("addresses=10.0.0.1/24,10.0.0.2/24", "interfaces=a,b",
			     "ports={b: {isolated: true}}"),
		       &state, &diag) == 0);
	CHECK(conf_set("br0",
		       WORDS("mtu=1400", "addresses=10.0.0.2/24,10.0.0.3/24", "interfaces=b,c",
			     "parameters.path-cost.b=9"),
		       &state, &diag) == 0);
	CHECK_TEXT(records(), "bridge / name=br0 up=true mtu=1400\n"
			      "port / device=b bridge=br0 cost=9 isolated=true\n"
			      "port / device=c bridge=br0\n"
			      "address / device=br0 address=10.0.0.2/24\n"
			      "address / device=br0 address=10.0.0.3/24\n");
	CHECK(conf_set("br0", WORDS("addresses=", "ports.c.hairpin=yes"), &state, &diag) == 0);
	CHECK_TEXT(records(), "bridge / name=br0 up=true mtu=1400\n"
			      "port / device=b bridge=br0 cost=9 isolated=true\n"
			      "port / device=c bridge=br0 hairpin=true\n");
	CHECK(conf_set("br0", WORDS("interfaces+=d", "interfaces-=b", "addresses+=10.0.0.4/24"),
		       &state, &diag) == 0);
	CHECK_TEXT(records(), "bridge / name=br0 up=true mtu=1400\n"
			      "port / device=c bridge=br0 hairpin=true\n"
			      "port / device=d bridge=br0\n"
			      "address / device=br0 address=10.0.0.4/24\n");
	check_error(conf_set("br0", WORDS("interfaces-=b"), &state, &diag), -ENOENT,
		    "added by hand");
	check_error(conf_set("br0", WORDS("mtu+=1"), &state, &diag), -EINVAL, "no list");
	check_error(conf_set("br1", WORDS("mtu=1"), &state, &diag), -ENOENT,
		    "did you mean \"br0\"");
	check_error(conf_set("br0", WORDS("mtu=1"), &state, &diag), -ERANGE, "out of range");
	check_error(conf_set("br0", WORDS("parameters.path-cost.z=9"), &state, &diag), -EINVAL,
		    "none of its interfaces");
	end();
}

static void setting_a_tunnel(void)
{
	begin();
	CHECK(conf_add("tunnel", "lan0", WORDS("key=/k"), &state, &diag) == 0);
	CHECK(conf_set("lan0",
		       WORDS("mtu=1300", "port=9", "addresses=10.9.0.1/24",
			     "peers=[{name: beta, keys: {public: "
			     "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=}}]"),
		       &state, &diag) == 0);
	CHECK_TEXT(records(), "tap / name=lan0 up=true mtu=1300 owner=0\n"
			      "address / device=lan0 address=10.9.0.1/24\n"
			      "tunnel / name=lan0 key=/k port=9\n"
			      "peer / tunnel=lan0 name=beta "
			      "keys.public=YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI%3d\n");
	CHECK(conf_del("lan0", &state, &diag) == 0);
	CHECK_TEXT(records(), "");
	end();
}

static void deleting(void)
{
	begin();
	CHECK(conf_add("namespace", "ns1", NULL, 0, &state, &diag) == 0);
	CHECK(conf_add("veth", "a", WORDS("peer=ns1/b", "addresses=10.0.0.1/24"), &state, &diag) ==
	      0);
	CHECK(conf_add("bridge", "br0", WORDS("interfaces=a"), &state, &diag) == 0);
	check_error(conf_del("br00", &state, &diag), -ENOENT, "did you mean \"br0\"");
	CHECK(conf_del("ns1/b", &state, &diag) == 0); /* and its other end with all that it has */
	CHECK_TEXT(records(), "namespace / name=ns1\n"
			      "bridge / name=br0 up=true\n");
	CHECK(conf_del("br0", &state, &diag) == 0);
	CHECK(conf_del("ns1", &state, &diag) == 0);
	CHECK_TEXT(records(), "");
	end();
}

int main(void)
{
	TEST(adding);
	TEST(adding_elsewhere);
	TEST(refusing);
	TEST(setting);
	TEST(setting_a_tunnel);
	TEST(deleting);
	return test_done();
}
