/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a command that takes a TAP: what stands in braces becomes what the port is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "vm/vm.h"

struct words {
	const struct vm_port *port;
	const int *vhost;
	struct arena *arena;
	char **list;
	size_t len;
	bool used; /* some word was the port's */
};

static void add(struct words *words, const char *word)
{
	words->list = arena_room(words->arena, words->list, words->len, sizeof(*words->list));
	words->list[words->len++] = word ? arena_text(words->arena, word) : NULL;
}

static void numbers(struct text *out, const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		text_add(out, "%s%d", i ? ":" : "", fds[i]);
}

/* QEMU's ids have letters, digits, '-', '.' and '_' (id_wellformed). */
static void id_add(const struct words *words, struct text *out)
{
	text_add(out, "net-");
	for (const char *at = words->port->device; *at; at++) {
		bool fine = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			    (*at >= '0' && *at <= '9') || strchr("-._", *at);

		text_addn(out, fine ? at : "_", 1);
	}
}

static void netdev_add(struct words *words)
{
	unsigned int queues = words->port->count;
	struct text text TEXT_CLEANUP = {0};

	text_add(&text, "tap,id=");
	id_add(words, &text);
	text_add(&text, queues > 1 ? ",fds=" : ",fd=");
	numbers(&text, words->port->fds, queues);
	if (words->vhost) {
		text_add(&text, ",vhost=on,%s", queues > 1 ? "vhostfds=" : "vhostfd=");
		numbers(&text, words->vhost, queues);
	}
	add(words, "-netdev");
	add(words, text_get(&text));
	text_clear(&text);
	text_add(&text, "virtio-net-pci,netdev=");
	id_add(words, &text);
	text_add(&text, ",mac=%s", words->port->mac);
	/* a vector for each queue's two directions, one for control, one for changes */
	if (queues > 1)
		text_add(&text, ",mq=on,vectors=%u", 2 * queues + 2);
	add(words, "-device");
	add(words, text_get(&text));
	words->used = true;
}

/* What a name in braces stands for; false: it is none of ours. */
static bool value_add(struct words *words, const char *name, size_t size, struct text *out)
{
	if (size == 3 && strncmp(name, "fds", size) == 0)
		numbers(out, words->port->fds, words->port->count);
	else if (size == 3 && strncmp(name, "mac", size) == 0)
		text_add(out, "%s", words->port->mac);
	else if (size == 6 && strncmp(name, "device", size) == 0)
		text_add(out, "%s", words->port->device);
	else if (size == 8 && strncmp(name, "vhostfds", size) == 0 && words->vhost)
		numbers(out, words->vhost, words->port->count);
	else
		return false;
	words->used = words->used || name[0] == 'f';
	return true;
}

static void word_add(struct words *words, const char *word)
{
	struct text text TEXT_CLEANUP = {0};

	while (*word) {
		const char *close = *word == '{' ? strchr(word, '}') : NULL;

		if (close && value_add(words, word + 1, (size_t)(close - word) - 1, &text)) {
			word = close + 1;
			continue;
		}
		text_addn(&text, word++, 1);
	}
	add(words, text_get(&text));
}

static bool is_qemu(const char *command)
{
	const char *slash = strrchr(command, '/');

	command = slash ? slash + 1 : command;
	return text_starts(command, "qemu-system-") || strcmp(command, "qemu-kvm") == 0 ||
	       strcmp(command, "kvm") == 0;
}

int vm_words(char *const *argv, const struct vm_port *port, const int *vhost, struct arena *arena,
	     char ***list, struct err *err)
{
	struct words words = {.port = port, .vhost = vhost, .arena = arena};
	bool netdev = false;

	for (size_t i = 0; argv[i]; i++) {
		/* a second one is for a lanloom vm within this one */
		if (!netdev && strcmp(argv[i], "{netdev}") == 0) {
			netdev_add(&words);
			netdev = true;
		} else {
			word_add(&words, argv[i]);
		}
	}
	if (!words.used && is_qemu(argv[0]))
		netdev_add(&words);
	add(&words, NULL);
	*list = words.list;
	if (words.used)
		return 0;
	err_set(err, -EINVAL, "no word of the command takes the TAP; expected {netdev} or {fds}");
	return err_hint(err, "… -- %s … {netdev}", argv[0]);
}

const char *vm_words_guest(char *const *argv, struct arena *arena)
{
	for (size_t i = 0; argv[i] && argv[i + 1]; i++) {
		const char *name = argv[i + 1];

		if (strcmp(argv[i], "-name") != 0 && strcmp(argv[i], "--name") != 0)
			continue;
		name += text_starts(name, "guest=") ? strlen("guest=") : 0;
		return arena_textn(arena, name, strcspn(name, ","));
	}
	return NULL;
}
