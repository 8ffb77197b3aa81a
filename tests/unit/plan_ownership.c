/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose things are: what a plan refuses, shares, takes over, gives back and leaves alone. */
#include "world.h"

struct scene {
	struct arena arena;
	struct state actual, desired;
	struct committed own, other;
	const struct committed *others[1];
	struct plan plan;
};

/* One line per step, in order, as "+ port tap0 on br0", then "! " the errors and "? " the cuts. */
static const char *lines(struct scene *scene)
{
	static const char *const marks[] = {"+", "~", "+-", "-"};
	struct text out TEXT_CLEANUP = {0};

	for (size_t i = 0; i < scene->plan.len; i++) {
		const struct step *step = &scene->plan.steps[i];

		if (step->flags & STEP_REPLACE && !step->after)
			continue;
		text_add(&out, "%s %s", marks[step_action(step)],
			 object_label(step_object(step), &scene->arena));
		for (unsigned int f = 0; step_action(step) == ACTION_CHANGE && step->mask >> f;
		     f++) {
			if (!(step->mask >> f & 1))
				continue;
			text_add(&out, " %s=", kind_field(step->after->kind, f)->key);
			object_print(step->after, f, &out);
		}
		text_add(&out, "\n");
	}
	for (size_t i = 0; i < scene->plan.diag.error_count; i++)
		text_add(&out, "! %s: %s\n", scene->plan.diag.errors[i].object,
			 scene->plan.diag.errors[i].message);
	for (size_t i = 0; i < scene->plan.cut_count; i++)
		text_add(&out, "? %s\n", scene->plan.cuts[i]);
	return arena_text(&scene->arena, text_get(&out));
}

static void committed_read(struct committed *committed, struct arena *arena, const char *name,
			   const char *entries)
{
	struct err err;
	const char *text = arena_print(arena, "description name=%s file= keep=false\n%s", name,
				       entries ? entries : "");

	if (committed_get(text, strlen(text), arena, committed, &err))
		printf("# %s\n", err.message), abort();
}

static const char *plan(struct scene *scene, const char *actual, const char *own, const char *other,
			const char *desired, bool adopt, bool force)
{
	struct plan_request request = {.desired = &scene->desired,
				       .actual = &scene->actual,
				       .own = own ? &scene->own : NULL,
				       .others = scene->others,
				       .other_count = other != NULL,
				       .adopt = adopt,
				       .force = force};

	arena_init(&scene->arena);
	request.arena = &scene->arena;
	state_read(&scene->actual, &scene->arena, actual);
	state_read(&scene->desired, &scene->arena, desired);
	committed_read(&scene->own, &scene->arena, "own", own);
	committed_read(&scene->other, &scene->arena, "other", other);
	scene->others[0] = &scene->other;
	plan_make(&request, &scene->plan);
	return lines(scene);
}

static void done(struct scene *scene)
{
	plan_fini(&scene->plan);
	arena_fini(&scene->arena);
}

#define PLANS(actual, own, other, desired, adopt, force, want)                                     \
	do {                                                                                       \
		struct scene scene_;                                                               \
		CHECK_TEXT(plan(&scene_, actual, own, other, desired, adopt, force), want);        \
		done(&scene_);                                                                     \
	} while (0)

static const char *const bridge = "bridge / name=br0 up=true mtu=1500 ifindex=7\n";

static void a_name_in_use_is_refused(void)
{
	PLANS(bridge, NULL, NULL, "bridge / name=br0 up=true\n", false, false,
	      "! br0: is there already and is not lanloom's; expected none\n");
	PLANS("tap / name=br0 up=true ifindex=7\n", NULL, NULL, "bridge / name=br0 up=true\n", true,
	      true, "! br0: is there as a tap that is not lanloom's; expected a bridge\n");
}

static void what_is_adopted_is_changed_not_made(void)
{
	PLANS(bridge, NULL, NULL, "bridge / name=br0 up=true mtu=1400\n", true, false,
	      "~ br0 mtu=1400\n");
}

static void existing_must_exist(void)
{
	PLANS("", NULL, NULL, "bridge / name=br0 existing=true up=true\n", false, false,
	      "! br0: does not exist; expected one that others made\n");
	PLANS(bridge, NULL, NULL,
	      "bridge / name=br0 existing=true up=true\naddress / device=br0 address=10.0.0.1/24\n",
	      false, false, "+ address 10.0.0.1/24 on br0\n");
}

static void what_was_there_before_stays(void)
{
	const char *actual = "bridge / name=br0 up=true mtu=1400 ifindex=7\n"
			     "address / device=br0 address=10.0.0.1/24\n"
			     "address / device=br0 address=10.0.0.2/24\n";

	PLANS(actual,
	      "set bridge / name=br0 existing=true up=true mtu=1400 ifindex=7\n"
	      "prior bridge / name=br0 up=true mtu=1500\n"
	      "shared address / device=br0 address=10.0.0.1/24\n"
	      "made address / device=br0 address=10.0.0.2/24\n",
	      NULL, "", false, false, "~ br0 mtu=1500\n- address 10.0.0.2/24 on br0\n");
}

static void another_one_of_that_name_stays(void)
{
	PLANS("bridge / name=br0 up=true mtu=1500 ifindex=99\n"
	      "address / device=br0 address=10.0.0.1/24\n",
	      "made bridge / name=br0 up=true ifindex=7\n"
	      "made address / device=br0 address=10.0.0.1/24\n",
	      NULL, "", false, false, "");
}

static void what_was_made_here_goes_under_any_name(void)
{
	const char *own = "made bridge / name=br0 up=true ifindex=7\n";

	PLANS("bridge / name=old up=true ifindex=7\n", own, NULL, "", false, false, "- old\n");
	PLANS("bridge / name=br0 up=true ifindex=8\nbridge / name=old up=true ifindex=7\n", own,
	      NULL, "", false, false, "- old\n");
	PLANS("bridge / name=old up=true ifindex=7\n", own, NULL, "bridge / name=br0 up=true\n",
	      false, false, "+ br0\n- old\n");
	/* what stands on it and is somebody's keeps it, as under its own name */
	PLANS("bridge / name=old up=true ifindex=7\naddress / device=old address=10.0.0.1/24\n",
	      own, NULL, "", false, false,
	      "- old\n! old: address 10.0.0.1/24 on old would go with it, which is not "
	      "lanloom's\n");
	/* another kind, another number, another namespace: somebody's */
	PLANS("tap / name=old up=true ifindex=7\n", own, NULL, "", false, false, "");
	PLANS("bridge / name=old up=true ifindex=9\n", own, NULL, "", false, false, "");
}

static void foreign_addresses_forbid_deletion(void)
{
	const char *actual = "bridge / name=br0 up=true mtu=1500 ifindex=7\n"
			     "tap / name=vnet0 up=true ifindex=8\n"
			     "port / device=vnet0 bridge=br0\n"
			     "address / device=br0 address=192.0.2.1/24\n";
	const char *own = "made bridge / name=br0 up=true ifindex=7\n";

	PLANS(actual, own, NULL, "", false, false,
	      "- br0\n"
	      "! br0: address 192.0.2.1/24 on br0 would go with it, which is not lanloom's\n"
	      "? port vnet0 on br0 ends, which is not lanloom's\n");
	PLANS(actual, own, NULL, "", false, true,
	      "- br0\n"
	      "? port vnet0 on br0 ends, which is not lanloom's\n"
	      "? address 192.0.2.1/24 on br0 goes with br0\n");
}

static void two_descriptions_do_not_mix(void)
{
	const char *other = "made bridge / name=br0 up=true mtu=1500 ifindex=7\n";

	PLANS(bridge, NULL, other, "bridge / name=br0 up=true\n", false, false,
	      "! br0: belongs to the description other, which is up\n");
	PLANS(bridge, NULL, other,
	      "bridge / name=br0 existing=true up=true\naddress / device=br0 address=10.0.0.1/24\n",
	      false, false, "+ address 10.0.0.1/24 on br0\n");
	PLANS(bridge, NULL, other, "bridge / name=br0 existing=true up=true mtu=1400\n", false,
	      false,
	      "! br0: mtu is set otherwise by the description other, which is up; expected one "
	      "description per key\n");
}

static void a_key_no_longer_written_goes_back(void)
{
	PLANS("tap / name=tap0 up=true mtu=1400 ifindex=7\n",
	      "made tap / name=tap0 up=true mtu=1400 ifindex=7\n", NULL,
	      "tap / name=tap0 up=true\n", false, false, "~ tap0 mtu=1500\n");
	PLANS("ethernet / name=eth1 up=true mtu=1400 ifindex=7\n",
	      "set ethernet / name=eth1 up=true mtu=1400 ifindex=7\n"
	      "prior ethernet / name=eth1 up=true mtu=9000\n",
	      NULL, "ethernet / name=eth1 up=true\n", false, false, "~ eth1 mtu=9000\n");
}

/* Of a device that was another kind of device only what all devices have goes back. */
static void what_another_kind_had_is_not_given_back(void)
{
	PLANS("bridge / name=br9 mtu=1400 parameters.stp=true parameters.hello-time=3 ifindex=7\n",
	      "set bridge / name=br9 mtu=1400 parameters.stp=true parameters.hello-time=3 "
	      "ifindex=7\n"
	      "prior vlan / name=br9 mtu=9000 link=eth0 id=5 reorder-header=false mvrp=true\n",
	      NULL, "", false, false, "~ br9 mtu=9000\n");
}

/* Written, given back, and changed by somebody before it is written again. */
static void what_was_given_back_is_read_anew(void)
{
	struct plan_request request = {0};
	struct committed after = {.name = "own", .file = ""};
	struct text out TEXT_CLEANUP = {0};
	struct scene scene;

	plan(&scene, "ethernet / name=eth1 up=true mtu=1300 ifindex=7\n",
	     "set ethernet / name=eth1 up=true ifindex=7\n"
	     "prior ethernet / name=eth1 up=true mtu=9000\n",
	     NULL, "ethernet / name=eth1 up=true mtu=1400\n", false, false);
	after.arena = &scene.arena;
	request = (struct plan_request){.arena = &scene.arena,
					.desired = &scene.desired,
					.actual = &scene.actual,
					.own = &scene.own};
	plan_commit(&request, &scene.plan, &scene.actual, &after);
	committed_put(&after, &out);
	CHECK(strstr(text_get(&out), "prior ethernet / name=eth1 up=true mtu=1300\n"));
	done(&scene);
}

static void a_key_never_written_is_not_compared(void)
{
	PLANS("tap / name=tap0 up=true mtu=1400 ifindex=7\n",
	      "made tap / name=tap0 up=true ifindex=7\n", NULL, "tap / name=tap0 up=true\n", false,
	      false, "");
}

static void a_stranger_in_a_name_is_an_error_with_its_like(void)
{
	struct scene scene;
	const char *text =
		plan(&scene, "ethernet / name=enp3s0 up=true ifindex=3\n", NULL, NULL,
		     "bridge / name=br0 up=true\nport / device=enp3s1 bridge=br0\n", false, false);

	CHECK(strstr(text,
		     "! port enp3s1 on br0: device enp3s1 is neither declared here nor there"));
	CHECK(scene.plan.diag.error_count == 1);
	if (scene.plan.diag.error_count)
		CHECK_TEXT(scene.plan.diag.errors[0].hint, "enp3s0");
	done(&scene);
}

static void a_fixed_field_replaces_and_makes_again_what_stood_on_it(void)
{
	PLANS("tap / name=tap0 up=true multi-queue=false ifindex=7\n"
	      "bridge / name=br0 up=true ifindex=8\n"
	      "port / device=tap0 bridge=br0\n"
	      "address / device=tap0 address=192.0.2.7/24\n",
	      "made tap / name=tap0 up=true ifindex=7\n"
	      "made bridge / name=br0 up=true ifindex=8\n"
	      "made port / device=tap0 bridge=br0\n",
	      NULL,
	      "tap / name=tap0 up=true multi-queue=true\n"
	      "bridge / name=br0 up=true\n"
	      "port / device=tap0 bridge=br0\n",
	      false, false,
	      "+- tap0\n"
	      "+ port tap0 on br0\n"
	      "+ address 192.0.2.7/24 on tap0\n"
	      "? all traffic of tap0, which is made anew\n");
}

static void devices_come_before_what_names_them(void)
{
	PLANS("", NULL, NULL,
	      "address / device=br0 address=10.0.0.1/24\n"
	      "route / to=10.1.0.0/16 via=10.0.0.2 device=br0\n"
	      "port ns1/ device=v1 bridge=b1\n"
	      "veth ns1/ name=v1 up=true peer=/v0\n"
	      "veth / name=v0 up=true peer=ns1/v1\n"
	      "bridge / name=br0 up=true\n"
	      "bridge ns1/ name=b1 up=true\n"
	      "namespace / name=ns1\n",
	      false, false,
	      "+ namespace ns1\n"
	      "+ br0\n"
	      "+ v0\n"
	      "+ ns1/v1\n"
	      "+ ns1/b1\n"
	      "+ port v1 on ns1/b1\n"
	      "+ address 10.0.0.1/24 on br0\n"
	      "+ route 10.1.0.0/16 on br0\n");
}

static void what_the_keeper_runs_goes_before_its_device(void)
{
	const char *lan = "tap / name=lan0 up=true ifindex=9\n"
			  "tunnel / name=lan0 key=/k port=51821\n"
			  "peer / tunnel=lan0 name=beta\n";

	PLANS(lan,
	      "made tap / name=lan0 up=true ifindex=9\n"
	      "made tunnel / name=lan0 key=/k port=51821\n"
	      "made peer / tunnel=lan0 name=beta\n",
	      NULL, "", false, false, "- tunnel lan0\n- peer beta on lan0\n- lan0\n");
	PLANS("", NULL, NULL, lan, false, false, "+ lan0\n+ tunnel lan0\n+ peer beta on lan0\n");
}

static void an_address_that_is_the_hosts_own_router_is_refused(void)
{
	const char *system = "link / name=eth0 ifindex=2\n"
			     "bridge / name=br0 up=true ifindex=3\n"
			     "address / device=eth0 address=192.0.2.2/24\n"
			     "route / to=default via=192.0.2.1 device=eth0\n"
			     "route / to=10.0.0.0/8 via=192.0.2.9 device=eth0\n";

	PLANS(system, "made bridge / name=br0 up=true ifindex=3\n", NULL,
	      "bridge / name=br0 up=true\naddress / device=br0 address=192.0.2.1/24\n", false,
	      false,
	      "+ address 192.0.2.1/24 on br0\n"
	      "! address 192.0.2.1/24 on br0: is the gateway of the default route through eth0; "
	      "expected another address: with this one the host would send to itself\n");
	/* elsewhere, or for one network only, it harms nobody's way home */
	PLANS(system, "made bridge / name=br0 up=true ifindex=3\n", NULL,
	      "bridge / name=br0 up=true\naddress / device=br0 address=192.0.2.9/24\n", false,
	      false, "+ address 192.0.2.9/24 on br0\n");
	PLANS(system, NULL, NULL,
	      "namespace / name=ns1\nbridge ns1/ name=br0 up=true\n"
	      "address ns1/ device=br0 address=192.0.2.1/24\n",
	      false, false, "+ namespace ns1\n+ ns1/br0\n+ address 192.0.2.1/24 on ns1/br0\n");
}

int main(void)
{
	TEST(an_address_that_is_the_hosts_own_router_is_refused);
	TEST(a_name_in_use_is_refused);
	TEST(what_is_adopted_is_changed_not_made);
	TEST(existing_must_exist);
	TEST(what_was_there_before_stays);
	TEST(another_one_of_that_name_stays);
	TEST(what_was_made_here_goes_under_any_name);
	TEST(foreign_addresses_forbid_deletion);
	TEST(two_descriptions_do_not_mix);
	TEST(a_key_no_longer_written_goes_back);
	TEST(what_another_kind_had_is_not_given_back);
	TEST(what_was_given_back_is_read_anew);
	TEST(a_key_never_written_is_not_compared);
	TEST(a_stranger_in_a_name_is_an_error_with_its_like);
	TEST(a_fixed_field_replaces_and_makes_again_what_stood_on_it);
	TEST(devices_come_before_what_names_them);
	TEST(what_the_keeper_runs_goes_before_its_device);
	return test_done();
}
