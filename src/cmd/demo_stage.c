/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stage: two hosts, which are network namespaces, and a wire between them; lanloom makes these
 * too, from a description. All that the demo makes can be told from everything else: namespaces by
 * DEMO_PREFIX, files by DEMO_FOLDER (lanloom's own state for these hosts among them), processes by
 * standing in one of those namespaces or by a mark in their environment. So a demo that was
 * killed is cleared away by the next one, which first takes the lock.
 */
#include "cmd/demo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETNS_FOLDER "/run/netns"

const char *const stage_hosts[HOST_COUNT] = {"alpha", "beta"};
const char *const stage_spaces[HOST_COUNT] = {DEMO_PREFIX "alpha", DEMO_PREFIX "beta"};

static int stage_lock(struct demo *demo)
{
	struct stat held, named;

	for (;;) {
		if (mkdir(DEMO_FOLDER, 0700) < 0 && errno != EEXIST)
			return demo_fail(demo, "mkdir %s: %m", DEMO_FOLDER);
		demo->lock = open(DEMO_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (demo->lock < 0 || fstat(demo->lock, &held) < 0)
			return demo_fail(demo, "%s: %m", DEMO_FOLDER);
		if (held.st_uid != 0 || (held.st_mode & 077))
			return demo_fail(demo, "%s is not a private folder of root", DEMO_FOLDER);
		if (flock(demo->lock, LOCK_EX | LOCK_NB) < 0)
			return demo_fail(demo, "another demo is running on this machine");
		/* Another demo may have ended, and its folder with it, since we opened it. */
		if (stat(DEMO_FOLDER, &named) == 0 && named.st_ino == held.st_ino) {
			/* a container may have a folder of this name, too, and processes we see */
			snprintf(demo->mark, sizeof(demo->mark), "LANLOOM_DEMO=%jx.%jx",
				 (uintmax_t)held.st_dev, (uintmax_t)held.st_ino);
			return 0;
		}
		close(demo->lock);
		demo->lock = -1;
	}
}

int stage_open(struct demo *demo)
{
	if (stage_lock(demo) < 0)
		return -1;
	stage_clear(demo);
	/* The hosts' state stays apart from the machine's own, history included. */
	if (setenv("LANLOOM_DEMO", strchr(demo->mark, '=') + 1, 1) < 0 ||
	    setenv("LANLOOM_RUN", DEMO_FOLDER "/run", 1) < 0 ||
	    setenv("LANLOOM_LIB", DEMO_FOLDER "/lib", 1) < 0)
		return demo_fail(demo, "memory is out");
	return 0;
}

/* Calls act for each process of a demo but this one; gives how many there are. */
static unsigned int each_process(bool (*is_ours)(pid_t pid, const void *what), const void *what,
				 void (*act)(pid_t pid))
{
	struct dirent *entry;
	unsigned int n = 0;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 1 || pid == getpid() || !is_ours(pid, what))
			continue;
		n++;
		if (act)
			act(pid);
	}
	if (proc)
		closedir(proc);
	return n;
}

static bool in_namespace(pid_t pid, const void *what)
{
	const struct stat *space = what;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat(path, &st) == 0 && st.st_ino == space->st_ino && st.st_dev == space->st_dev;
}

static bool has_mark(pid_t pid, const void *what)
{
	char path[64], bytes[65536];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(bytes, (size_t)n, what, strlen(what) + 1) != NULL;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
}

/* Calls act for each namespace of a demo; gives how many there are. */
static unsigned int each_namespace(void (*act)(const char *path))
{
	char path[300];
	struct dirent *entry;
	unsigned int n = 0;
	DIR *folder = opendir(NETNS_FOLDER);

	while (folder && (entry = readdir(folder))) {
		if (strncmp(entry->d_name, DEMO_PREFIX, strlen(DEMO_PREFIX)) != 0)
			continue;
		snprintf(path, sizeof(path), NETNS_FOLDER "/%s", entry->d_name);
		n++;
		if (act)
			act(path);
	}
	if (folder)
		closedir(folder);
	return n;
}

static void remove_namespace(const char *path)
{
	struct stat space;

	/* A process that just forked may leave a child behind: look until there is none. */
	for (int i = 0; i < 100 && stat(path, &space) == 0; i++) {
		if (each_process(in_namespace, &space, end_process) == 0)
			break;
		usleep(10000);
	}
	umount2(path, MNT_DETACH);
	unlink(path);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	/* The folder itself stays: it is the lock. What cannot go shows in the proof. */
	if (ftw->level > 0)
		(void)remove(path);
	return 0;
}

void stage_clear(struct demo *demo)
{
	each_namespace(remove_namespace);
	for (int i = 0; i < 100 && each_process(has_mark, demo->mark, end_process) > 0; i++)
		usleep(10000);
	nftw(DEMO_FOLDER, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool stage_is_bare(struct demo *demo, char *rest, size_t size)
{
	unsigned int spaces = each_namespace(NULL);
	unsigned int processes = each_process(has_mark, demo->mark, NULL);

	snprintf(rest, size, "%u namespaces and %u processes of the demo are left", spaces,
		 processes);
	return spaces == 0 && processes == 0;
}

static int write_file(struct demo *demo, const char *name, const char *text)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), DEMO_FOLDER "/%s", name);
	file = fopen(path, "we");
	if (!file)
		return demo_fail(demo, "%s: %m", path);
	fputs(text, file);
	return fclose(file) == 0 ? 0 : demo_fail(demo, "%s: %m", path);
}

/* Runs this program with arguments; it has to answer 0. */
static int run_ourselves(struct demo *demo, const char *const *words, struct said *said)
{
	const char *argv[8] = {demo->exe};

	for (int i = 0; i < 6 && words[i]; i++)
		argv[i + 1] = words[i];
	if (demo_run(demo, NULL, argv, 60, said) < 0)
		return -1;
	said->text[strcspn(said->text, "\n")] = '\0';
	if (said->status != 0)
		return demo_fail(demo, "lanloom %s: %s", words[0], said->text);
	return 0;
}

static int make_key(struct demo *demo, const char *host, char *public, size_t size)
{
	char file[32];
	struct said said;
	int result;

	snprintf(file, sizeof(file), "%s.key", host);
	result = run_ourselves(demo, (const char *[]){"key", "new", file, NULL}, &said);
	if (result == 0)
		snprintf(public, size, "%s", said.text);
	said_free(&said);
	return result;
}

static int write_fabric(struct demo *demo)
{
	char public[HOST_COUNT][64], text[2000];

	for (int i = 0; i < HOST_COUNT; i++) {
		if (make_key(demo, stage_hosts[i], public[i], sizeof(public[i])) < 0)
			return -1;
	}
	snprintf(text, sizeof(text),
		 "name: fabric\n"
		 "bridges:\n"
		 "  br0: {interfaces: [vm0, lan0]}\n"
		 "%s"
		 "tunnels:\n"
		 "  lan0: {mode: lan, port: 51821, peers: all}\n"
		 "hosts:\n"
		 "  alpha:\n"
		 "    endpoint: 10.99.0.1\n"
		 "    keys: {public: \"%s\"}\n"
		 "    tunnels: {lan0: {key: " DEMO_FOLDER "/alpha.key}}\n"
		 "  beta:\n"
		 "    endpoint: 10.99.0.2\n"
		 "    keys: {public: \"%s\"}\n"
		 "    tunnels: {lan0: {key: " DEMO_FOLDER "/beta.key}}\n",
		 demo->vms ? "taps:\n  vm0: {}\n" : "", public[HOST_ALPHA], public[HOST_BETA]);
	return write_file(demo, "fabric.yaml", text);
}

static const char stage_text[] =
	"name: demo-stage\n"
	"namespaces:\n"
	"  " DEMO_PREFIX "alpha:\n"
	"    virtual-ethernets:\n"
	"      wire0: {peer: " DEMO_PREFIX "beta/wire0, addresses: [10.99.0.1/24]}\n"
	"  " DEMO_PREFIX "beta:\n"
	"    virtual-ethernets:\n"
	"      wire0: {addresses: [10.99.0.2/24]}\n";

static const char stage_guests[] =
	"  " DEMO_PREFIX "guest-alpha:\n"
	"    virtual-ethernets:\n"
	"      eth0: {peer: " DEMO_PREFIX "alpha/vm0, addresses: [10.77.0.1/24]}\n"
	"  " DEMO_PREFIX "guest-beta:\n"
	"    virtual-ethernets:\n"
	"      eth0: {peer: " DEMO_PREFIX "beta/vm0, addresses: [10.77.0.2/24]}\n";

/* The shell and the tools of guests that are namespaces: the same as in the VMs. */
static int install_busybox(struct demo *demo)
{
	const char *argv[] = {"busybox", "--install", "-s", DEMO_FOLDER "/bin", NULL};
	struct said said;
	int result;

	if (mkdir(DEMO_FOLDER "/bin", 0700) < 0)
		return demo_fail(demo, "mkdir " DEMO_FOLDER "/bin: %m");
	result = demo_run(demo, NULL, argv, 10, &said);
	if (result == 0 && said.status != 0) {
		snprintf(demo->hint, sizeof(demo->hint), "apt-get install busybox-static");
		result = demo_fail(demo, "busybox cannot be used: %s", said.text);
	}
	said_free(&said);
	return result;
}

int stage_build(struct demo *demo)
{
	char text[sizeof(stage_text) + sizeof(stage_guests)];
	struct said said = {0};
	int result;

	snprintf(text, sizeof(text), "%s%s", stage_text, demo->vms ? "" : stage_guests);
	if (write_file(demo, "stage.yaml", text) < 0 || write_fabric(demo) < 0 ||
	    (!demo->vms && install_busybox(demo) < 0))
		return -1;
	result = run_ourselves(demo, (const char *[]){"up", "stage.yaml", NULL}, &said);
	said_free(&said);
	return result;
}

int stage_strike(struct demo *demo)
{
	struct said said;
	int result = run_ourselves(demo, (const char *[]){"down", "stage.yaml", NULL}, &said);

	said_free(&said);
	return result;
}
