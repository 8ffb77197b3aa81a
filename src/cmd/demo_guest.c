/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guests. A VM is a QEMU in its host's namespace, on the TAP `vm0`; it boots the image that
 * share/guest-image made and takes shell commands over its serial console: a line in, the output
 * and a line "@done STATUS" back. With --no-vm a guest is a namespace, and its commands are the
 * same ones of busybox.
 */
#include "cmd/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGE_FOLDER "/var/cache/lanloom/guest"
#define DONE "@done "

/* A /dev/kvm alone says nothing: a machine that is itself a guest may have one that hangs. */
static bool has_kvm(void)
{
	char *text = demo_read_file("/proc/cpuinfo");
	bool found = text && (strstr(text, " vmx ") || strstr(text, " svm "));

	free(text);
	return found && access("/dev/kvm", R_OK | W_OK) == 0;
}

int guest_start(struct demo *demo, struct demo_guest *guest)
{
	char name[80], nic[100], line[200], log[100];
	const char *argv[] = {"qemu-system-x86_64",
			      "-name",
			      name,
			      "-nodefaults",
			      "-no-user-config",
			      "-no-reboot",
			      "-display",
			      "none",
			      "-accel",
			      has_kvm() ? "kvm" : "tcg",
			      "-m",
			      "128",
			      "-kernel",
			      IMAGE_FOLDER "/vmlinuz",
			      "-initrd",
			      IMAGE_FOLDER "/initrd",
			      "-append",
			      line,
			      "-netdev",
			      "tap,id=net,ifname=vm0,script=no,downscript=no",
			      "-device",
			      nic,
			      "-serial",
			      "stdio",
			      NULL};
	int in[2], out[2], errors;

	guest->to = guest->from = -1;
	if (!demo->vms)
		return 0;
	snprintf(name, sizeof(name), DEMO_PREFIX "%s", guest->name);
	snprintf(nic, sizeof(nic), "virtio-net-pci,netdev=net,romfile=,mac=%s", guest->mac);
	/* A kernel that waits for its timer on a busy, emulating host gives up too early. */
	snprintf(
		line, sizeof(line),
		"console=ttyS0 quiet panic=-1 no_timer_check lanloom.name=%s lanloom.address=%s/24",
		guest->name, guest->address);
	snprintf(log, sizeof(log), DEMO_FOLDER "/%s.log", guest->name);
	errors = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (errors < 0)
		return demo_fail(demo, "%s: %m", log);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return demo_fail(demo, "pipe: %m");
	guest->to = in[1];
	guest->from = out[0];
	guest->pid = demo_spawn(demo, guest->space, argv, in[0], out[1], errors);
	close(in[0]);
	close(out[1]);
	close(errors);
	return guest->pid < 0 ? -1 : 0;
}

/* The last line of a text, without its end. */
static const char *last_line(char *text)
{
	size_t size = text ? strlen(text) : 0;
	char *start;

	while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		text[--size] = '\0';
	start = size ? strrchr(text, '\n') : NULL;
	return start ? start + 1 : size ? text : NULL;
}

/* What QEMU complained about last, or the guest said last. */
static int guest_died(struct demo *demo, const struct demo_guest *guest, struct said *said)
{
	const char *last;
	char path[100];
	char *log;

	snprintf(path, sizeof(path), DEMO_FOLDER "/%s.log", guest->name);
	log = demo_read_file(path);
	last = last_line(log);
	if (!last)
		last = last_line(said->text);
	demo_fail(demo, "%s ended: %s", guest->name, last ? last : "nobody said why");
	free(log);
	return -1;
}

/* Reads the console until a line begins with `mark`; the text before it goes to `said`. */
static char *console_read(struct demo *demo, struct demo_guest *guest, const char *mark,
			  double seconds, struct said *said)
{
	double end = demo_now() + seconds;
	size_t size = strlen(mark);

	for (;;) {
		char *text, *line = said->text;
		ssize_t n;
		int ready = demo_wait(demo, guest->from, end - demo_now());

		if (ready < 0)
			return NULL;
		text = realloc(said->text, said->size + 4097);
		if (!text || ready == 0) {
			said->text = text ? text : said->text;
			demo_fail(demo, "%s does not answer", guest->name);
			return NULL;
		}
		said->text = text;
		n = read(guest->from, text + said->size, 4096);
		if (n <= 0) {
			guest_died(demo, guest, said);
			return NULL;
		}
		said->size += (size_t)n;
		text[said->size] = '\0';
		for (line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
			if (strncmp(line, mark, size) == 0 && strchr(line, '\n'))
				return line;
		}
	}
}

/* The console's line ends are a terminal's. */
static void drop_returns(struct said *said)
{
	char *to = said->text;

	for (const char *from = said->text; *from; from++) {
		if (*from != '\r')
			*to++ = *from;
	}
	*to = '\0';
	said->size = (size_t)(to - said->text);
}

int guest_ready(struct demo *demo, struct demo_guest *guest)
{
	struct said said = {0};
	bool ready;

	if (!demo->vms)
		return 0;
	ready = console_read(demo, guest, "@ready", 120, &said) != NULL;
	said_free(&said);
	return ready ? 0 : -1;
}

static int console_run(struct demo *demo, struct demo_guest *guest, const char *command,
		       double seconds, struct said *said)
{
	size_t size = strlen(command);
	char *mark;

	*said = (struct said){.text = calloc(1, 1)};
	if (!said->text)
		return demo_fail(demo, "memory is out");
	if (write(guest->to, command, size) != (ssize_t)size || write(guest->to, "\n", 1) != 1)
		return guest_died(demo, guest, said);
	mark = console_read(demo, guest, DONE, seconds, said);
	if (!mark)
		return -1;
	said->status = atoi(mark + strlen(DONE));
	*mark = '\0';
	drop_returns(said);
	return 0;
}

int guest_run(struct demo *demo, struct demo_guest *guest, const char *command, double seconds,
	      struct said *said)
{
	char line[500];
	const char *argv[] = {DEMO_FOLDER "/bin/sh", "-c", line, NULL};

	if (demo->vms)
		return console_run(demo, guest, command, seconds, said);
	snprintf(line, sizeof(line), "export PATH=" DEMO_FOLDER "/bin; %s", command);
	return demo_run(demo, guest->space, argv, seconds, said);
}

void guest_stop(struct demo_guest *guest)
{
	demo_reap(guest->pid);
	guest->pid = 0;
	if (guest->to >= 0)
		close(guest->to);
	if (guest->from >= 0)
		close(guest->from);
	guest->to = guest->from = -1;
}
