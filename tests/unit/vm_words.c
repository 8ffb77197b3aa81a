/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a command that takes a TAP, also where /dev/vhost-net is. */
#include "test.h"

#include <errno.h>

#include "base/text.h"
#include "vm/vm.h"

static const struct vm_port port = {
	.device = "tap-a:b", .mac = "02:00:00:00:00:01", .fds = {7, 8, 9}, .count = 3};
static const int vhost[] = {17, 18, 19};

/* The words, with blanks between. */
static const char *words(struct arena *arena, const struct vm_port *with, const int *vhosts,
			 char *const *argv)
{
	struct text text TEXT_CLEANUP = {0};
	struct err err = {0};
	char **list;

	if (vm_words(argv, with, vhosts, arena, &list, &err))
		return arena_text(arena, err.message);
	for (size_t i = 0; list[i]; i++)
		text_add(&text, "%s%s", i ? " " : "", list[i]);
	return arena_text(arena, text_get(&text));
}

static void a_card_of_qemu(void)
{
	char *const argv[] = {(char[]){"x"}, (char[]){"{netdev}"}, (char[]){"y"}, NULL};
	struct vm_port one = port;
	struct arena arena;

	one.count = 1;
	arena_init(&arena);
	CHECK_TEXT(words(&arena, &one, NULL, argv),
		   "x -netdev tap,id=net-tap-a_b,fd=7 -device "
		   "virtio-net-pci,netdev=net-tap-a_b,mac=02:00:00:00:00:01 y");
	CHECK_TEXT(words(&arena, &one, vhost, argv),
		   "x -netdev tap,id=net-tap-a_b,fd=7,vhost=on,vhostfd=17 -device "
		   "virtio-net-pci,netdev=net-tap-a_b,mac=02:00:00:00:00:01 y");
	CHECK_TEXT(words(&arena, &port, vhost, argv),
		   "x -netdev tap,id=net-tap-a_b,fds=7:8:9,vhost=on,vhostfds=17:18:19 -device "
		   "virtio-net-pci,netdev=net-tap-a_b,mac=02:00:00:00:00:01,mq=on,vectors=8 y");
	arena_fini(&arena);
}

static void words_of_others(void)
{
	char *const argv[] = {(char[]){"x"}, (char[]){"f={fds},v={vhostfds},{mac},{device},{a}{"},
			      (char[]){"{netdev"}, NULL};
	char *const none[] = {(char[]){"x"}, (char[]){"{mac}{device}{vhostfds}"}, NULL};
	struct arena arena;

	arena_init(&arena);
	CHECK_TEXT(words(&arena, &port, vhost, argv),
		   "x f=7:8:9,v=17:18:19,02:00:00:00:00:01,tap-a:b,{a}{ {netdev");
	CHECK_TEXT(words(&arena, &port, vhost, none),
		   "no word of the command takes the TAP; expected {netdev} or {fds}");
	arena_fini(&arena);
}

static void qemu_gets_a_card_unasked(void)
{
	static char commands[][40] = {"/usr/bin/qemu-system-x86_64", "qemu-kvm", "kvm", "qemu-img",
				      "/x/qemu-system-/sh"};
	struct vm_port one = port;
	struct arena arena;

	one.count = 1;
	arena_init(&arena);
	for (size_t i = 0; i < 5; i++) {
		char *const argv[] = {commands[i], NULL};

		CHECK((strstr(words(&arena, &one, NULL, argv), " -netdev tap,") != NULL) ==
		      (i < 3));
	}
	arena_fini(&arena);
}

static void a_guests_name(void)
{
	static const char *const names[][2] = {{"web", "web"},
					       {"guest=web,debug-threads=on", "web"},
					       {"web,process=x", "web"},
					       {"", ""}};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < 4; i++) {
		char name[40];
		char *const argv[] = {(char[]){"qemu"}, (char[]){"-name"}, name, NULL};

		snprintf(name, sizeof(name), "%s", names[i][0]);
		CHECK_TEXT(vm_words_guest(argv, &arena), names[i][1]);
	}
	CHECK(!vm_words_guest((char *const[]){(char[]){"-name"}, NULL}, &arena));
	arena_fini(&arena);
}

int main(void)
{
	TEST(a_card_of_qemu);
	TEST(words_of_others);
	TEST(qemu_gets_a_card_unasked);
	TEST(a_guests_name);
	return test_done();
}
