/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kinds complete, and what they refuse. */
#include "test.h"

#include <string.h>

#include "base/diag.h"
#include "model/record.h"
#include "model/state.h"

struct world {
	struct arena arena;
	struct state state;
	struct diag diag;
};

static void world_init(struct world *world, const char *const *records)
{
	*world = (struct world){0};
	arena_init(&world->arena);
	state_init(&world->state, &world->arena);
	for (uint32_t i = 0; records[i]; i++) {
		struct object *object = NULL;
		struct err err;
		int r = record_get(records[i], strlen(records[i]), &world->arena, &object, &err);

		CHECK(r == 0);
		if (r) {
			printf("# %s: %s\n", records[i], err.message);
			continue;
		}
		object->place = (struct place){.file = "f", .line = i + 1, .column = 1};
		state_add(&world->state, object);
	}
	for (size_t i = 0; i < world->state.len; i++)
		kind_expand(world->state.objects[i], &world->state, &world->diag);
	state_sort(&world->state);
	for (size_t i = 0; i < world->state.len; i++)
		kind_check(world->state.objects[i], &world->state, &world->diag);
	diag_sort(&world->diag);
}

static void world_fini(struct world *world)
{
	diag_fini(&world->diag);
	arena_fini(&world->arena);
}

#define WORLD(name, ...)                                                                           \
	struct world name;                                                                         \
	world_init(&name, (const char *const[]){__VA_ARGS__, NULL})

/* One error, which is about line `line` and says `part`. */
#define CHECK_ERROR(world, at, part)                                                               \
	do {                                                                                       \
		CHECK((world).diag.error_count == 1);                                              \
		if ((world).diag.error_count == 1) {                                               \
			CHECK((world).diag.errors[0].place.line == (at));                          \
			CHECK(strstr((world).diag.errors[0].message, part));                       \
		}                                                                                  \
	} while (0)

static void veth_other_end_is_made(void)
{
	WORLD(w, "veth / name=tap1 peer=ns1/tap2");
	const struct object *far = state_link(&w.state, "ns1", "tap2");

	CHECK(w.diag.error_count == 0 && w.state.len == 2 && far != NULL);
	if (far)
		CHECK_TEXT(object_text(far, "peer"), "/tap1");
	world_fini(&w);
}

static void veth_both_ends(void)
{
	WORLD(w, "veth / name=tap1 peer=ns1/tap2", "veth ns1/ name=tap2 mtu=1400");

	CHECK(w.diag.error_count == 0 && w.state.len == 2);
	CHECK_TEXT(object_text(state_link(&w.state, "ns1", "tap2"), "peer"), "/tap1");
	world_fini(&w);
}

static void veth_spelling(void)
{
	WORLD(w, "veth ns1/ name=a peer=ns1/b");

	CHECK_TEXT(object_text(state_link(&w.state, "ns1", "a"), "peer"), "b");
	CHECK_TEXT(object_text(state_link(&w.state, "ns1", "b"), "peer"), "a");
	world_fini(&w);
}

static void veth_contradiction(void)
{
	WORLD(w, "veth / name=a peer=b", "veth / name=b peer=c", "veth / name=c");

	CHECK(w.diag.error_count >= 1);
	CHECK(strstr(w.diag.errors[0].message, "both ends to name each other"));
	world_fini(&w);
}

static void veth_alone_or_itself(void)
{
	WORLD(alone, "veth / name=a");
	WORLD(itself, "veth / name=a peer=a");
	WORLD(other, "veth / name=a peer=br0", "bridge / name=br0");

	CHECK_ERROR(alone, 1, "no other end");
	CHECK_ERROR(itself, 1, "itself");
	CHECK_ERROR(other, 1, "bridge");
	world_fini(&alone);
	world_fini(&itself);
	world_fini(&other);
}

static void guest_mac(void)
{
	WORLD(w, "tap / name=tap0 macaddress=02:00:00:00:00:77",
	      "guest / name=vm1 macaddress=02:00:00:00:00:77", "tap / name=tap1");
	WORLD(qemu, "tap / name=tap0 macaddress=52:54:00:00:00:01");
	WORLD(fine, "tap / name=tap0 macaddress=02:54:00:00:00:01",
	      "guest / name=vm1 macaddress=02:00:00:00:00:77");

	CHECK_ERROR(w, 1, "guest vm1");
	CHECK_ERROR(qemu, 1, "52:54:00");
	CHECK(fine.diag.error_count == 0);
	world_fini(&w);
	world_fini(&qemu);
	world_fini(&fine);
}

static void tap_is_roots(void)
{
	WORLD(w, "tap / name=tap0", "tap / name=tap1 group=0", "tap / name=tap2 existing=true");

	CHECK(object_number(state_link(&w.state, "", "tap0"), "owner", -1) == 0);
	CHECK(!object_has_key(state_link(&w.state, "", "tap1"), "owner"));
	CHECK(!object_has_key(state_link(&w.state, "", "tap2"), "owner"));
	world_fini(&w);
}

static void same_address_on_port(void)
{
	WORLD(w, "bridge / name=br0", "ethernet / name=eth1", "port / device=eth1 bridge=br0",
	      "address / device=br0 address=10.0.1.1/24",
	      "address / device=eth1 address=10.0.1.1/24");
	const struct object *object;

	CHECK(w.diag.error_count == 0);
	for (size_t i = 0; (object = state_next(&w.state, "address", &i));)
		CHECK(object_number(object, "no-prefix-route", 0) ==
		      text_same(object_owner(object), "eth1"));
	world_fini(&w);
}

static void routes(void)
{
	WORLD(six, "ethernet / name=e", "route / to=default device=e via=fe80::1");
	WORLD(own, "ethernet / name=e", "address / device=e address=10.0.0.1/24",
	      "route / to=default device=e via=10.0.0.1");
	WORLD(hole, "ethernet / name=e", "route / to=10.0.0.0/8 device=e type=blackhole");
	const struct object *route;
	size_t i = 0;

	CHECK(six.diag.error_count == 0);
	route = state_next(&six.state, "route", &i);
	CHECK(object_number(route, "metric", 0) == 1024 && object_number(route, "table", 0) == 254);
	CHECK_ERROR(own, 3, "own address");
	i = 0;
	CHECK(!object_owner(state_next(&hole.state, "route", &i)));
	world_fini(&six);
	world_fini(&own);
	world_fini(&hole);
}

#define KEY "keys.public=yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk%3d"

static void peer_through_its_own_tunnel(void)
{
	WORLD(bad, "bridge / name=br0", "address / device=br0 address=203.0.113.1/24",
	      "tap / name=lan0", "port / device=lan0 bridge=br0",
	      "tunnel / name=lan0 key=/k port=51821",
	      "peer / tunnel=lan0 name=b endpoint=203.0.113.2:51821 " KEY);
	WORLD(good, "bridge / name=br0", "address / device=br0 address=203.0.113.1/24",
	      "ethernet / name=eth0", "address / device=eth0 address=203.0.113.9/28",
	      "tap / name=lan0", "port / device=lan0 bridge=br0",
	      "tunnel / name=lan0 key=/k port=51821",
	      "peer / tunnel=lan0 name=b endpoint=203.0.113.2:51821 " KEY);

	CHECK_ERROR(bad, 6, "is reached through br0");
	CHECK(good.diag.error_count == 0);
	world_fini(&bad);
	world_fini(&good);
}

static void peer_name(void)
{
	WORLD(w, "tap / name=lan0", "tunnel / name=lan0 key=/k", "peer / tunnel=lan0 " KEY);
	size_t i = 0;

	CHECK_TEXT(object_text(state_next(&w.state, "peer", &i), "name"),
		   "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=");
	world_fini(&w);
}

static void bridge_delay(void)
{
	WORLD(stp, "bridge / name=a parameters.stp=true");
	WORLD(low, "bridge / name=a parameters.stp=true parameters.forward-delay=1");

	CHECK(stp.diag.error_count == 0);
	CHECK(object_number(state_link(&stp.state, "", "a"), "parameters.forward-delay", 0) ==
	      1500);
	CHECK_ERROR(low, 1, "forward-delay");
	world_fini(&stp);
	world_fini(&low);
}

#define ONE_HOST(mac)                                                                              \
	"bridge / name=br0 macaddress=" mac, "tap / name=lan0", "port / device=lan0 bridge=br0",   \
		"tunnel / name=lan0 key=/k"

static void one_mac_on_one_lan(void)
{
	static const char *const names[] = {"alpha", "beta"};
	WORLD(a, ONE_HOST("02:00:00:00:00:01"));
	WORLD(b, ONE_HOST("02:00:00:00:00:01"));
	WORLD(c, ONE_HOST("02:00:00:00:00:02"));
	const struct state *same[] = {&a.state, &b.state}, *other[] = {&a.state, &c.state};
	struct diag diag = {0};

	kind_find("bridge")->ops->check_hosts(same, names, 2, &diag);
	CHECK(diag.error_count == 1);
	CHECK(diag.error_count && strstr(diag.errors[0].message, "host alpha (line 1)"));
	diag_fini(&diag);
	diag = (struct diag){0};
	kind_find("bridge")->ops->check_hosts(other, names, 2, &diag);
	CHECK(diag.error_count == 0);
	diag_fini(&diag);
	world_fini(&a);
	world_fini(&b);
	world_fini(&c);
}

static void sysctl_names(void)
{
	WORLD(w, "sysctl / name=net/ipv4/conf/eth1.5/forwarding value=%201%20%202",
	      "sysctl / name=kernel.hostname value=x");
	const struct object *object = NULL, *other;

	for (size_t i = 0; (other = state_next(&w.state, "sysctl", &i));)
		if (object_owner(other))
			object = other;
	CHECK(object != NULL);
	if (object) {
		CHECK_TEXT(object_name(object), "net.ipv4.conf.eth1/5.forwarding");
		CHECK_TEXT(object_text(object, "device"), "eth1.5");
		CHECK_TEXT(object_text(object, "value"), "1 2");
	}
	CHECK_ERROR(w, 2, "not a sysctl of the network");
	world_fini(&w);
}

int main(void)
{
	TEST(veth_other_end_is_made);
	TEST(veth_both_ends);
	TEST(veth_spelling);
	TEST(veth_contradiction);
	TEST(veth_alone_or_itself);
	TEST(guest_mac);
	TEST(tap_is_roots);
	TEST(same_address_on_port);
	TEST(routes);
	TEST(peer_through_its_own_tunnel);
	TEST(peer_name);
	TEST(bridge_delay);
	TEST(one_mac_on_one_lan);
	TEST(sysctl_names);
	return test_done();
}
