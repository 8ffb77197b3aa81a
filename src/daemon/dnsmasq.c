/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DHCP, DNS and router advertisements of a network: a dnsmasq of its own, which is nobody's user,
 * may do what its ports and the neighbour table need, and sees of the files its programs', the
 * system's resolvers and its own folder. The object has its configuration but for what is known
 * here alone: where the leases stand, and the size of the bridge's packets.
 *
 * In the keeper's folder stand, for a network lab, dhcp.lab.conf, which root alone reads (dnsmasq
 * gets it as its input), and the folder dhcp.lab, dnsmasq's own, with its leases: they survive
 * dnsmasq and the keeper, and go with the network.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/confine.h"
#include "daemon/confine_files.h"
#include "daemon/confine_user.h"
#include "daemon/inside.h"
#include "sys/netns.h"
#include "sys/process.h"
#include "world/keeper_files.h"

#define PROGRAM "dnsmasq"
#define READY_MS 5000
#define READY_WORDS " started, version" /* what it says when its ports are open */
#define USUAL_MTU 1500
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define CAP(name) (UINT64_C(1) << (name))

struct launch {
	struct service *service;
	char program[256];
	char folder[sizeof(((struct keeper *)0)->folder) + KEEPER_FILE_SIZE + 2]; /* its own */
	uint32_t user;
	int config_fd, folder_fd, mouth_fd;
};

static const char *config_of(const struct service *service)
{
	return object_text(service->setup->object, "config") ?: "";
}

static bool serves_leases(const struct service *service)
{
	return strstr(config_of(service), "\ndhcp-range=");
}

/* It wants the port for itself: dnsmasq would share it with others who are as easy-going. */
static int port_try(int type, const struct sockaddr *address, socklen_t size)
{
	int fd FD_CLEANUP = socket(address->sa_family, type | SOCK_CLOEXEC, 0);
	int on = 1;

	/* or connections that ended lately would be in the way */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, address, size) < 0 ? -errno : 0;
}

static int address_try(const struct sockaddr *address, struct err *err)
{
	struct sockaddr_in6 at = {0};
	bool six = address->sa_family == AF_INET6;
	socklen_t size = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	char text[INET6_ADDRSTRLEN];

	memcpy(&at, address, size);
	at.sin6_port = htons(53);
	if (port_try(SOCK_DGRAM, (struct sockaddr *)&at, size) != -EADDRINUSE &&
	    port_try(SOCK_STREAM, (struct sockaddr *)&at, size) != -EADDRINUSE)
		return 0; /* one that is not usable yet is no matter of ours */
	inet_ntop(address->sa_family,
		  six ? (void *)&at.sin6_addr : &((struct sockaddr_in *)&at)->sin_addr, text,
		  sizeof(text));
	err_set(err, -EADDRINUSE, "port 53 of %s is in use by another program", text);
	return err_hint(err, "ss -lntup sport = :53 says by which");
}

/* The addresses it will answer at, in the namespace this thread is in. */
static int ports_try(const struct service *service, struct err *err)
{
	struct ifaddrs *all = NULL;
	int r = 0;

	if (getifaddrs(&all) < 0)
		return err_errno(err, -errno, "list addresses");
	for (const struct ifaddrs *one = all; one && !r; one = one->ifa_next)
		if (one->ifa_addr && text_same(one->ifa_name, service_name(service)) &&
		    (one->ifa_addr->sa_family == AF_INET || one->ifa_addr->sa_family == AF_INET6))
			r = address_try(one->ifa_addr, err);
	freeifaddrs(all);
	return r;
}

static void config_text(struct service *service, struct text *text)
{
	const char *ns = service->setup->object->ns;
	uint32_t mtu = service->device_mtu;
	char resolvers[300];

	text_add(text, "%s", config_of(service));
	if (serves_leases(service))
		text_add(text, "dhcp-leasefile=leases\n");
	/* a wire that carries less (a tunnel over a tunnel) is told to guests */
	if (serves_leases(service) && mtu && mtu != USUAL_MTU &&
	    !strstr(config_of(service), "\ndhcp-option=option:mtu,"))
		text_add(text, "dhcp-option=option:mtu,%u\n", mtu);
	/* as `ip netns exec` has it; a name with more in it could say more than a path */
	snprintf(resolvers, sizeof(resolvers), "/etc/netns/%s/resolv.conf", ns);
	if (ns[0] && !ns[strspn(ns, PLAIN)] && access(resolvers, R_OK) == 0)
		text_add(text, "resolv-file=%s\n", resolvers);
}

static int config_write(struct launch *launch, const char *name, struct err *err)
{
	struct keeper *keeper = launch->service->keeper;
	struct text text TEXT_CLEANUP = {0};
	char path[KEEPER_FILE_SIZE + 8];

	config_text(launch->service, &text);
	snprintf(path, sizeof(path), "%s.conf", name);
	launch->config_fd = openat(keeper->folder_fd, path,
				   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (launch->config_fd < 0 ||
	    write(launch->config_fd, text.bytes, text.size) != (ssize_t)text.size ||
	    lseek(launch->config_fd, 0, SEEK_SET) < 0)
		return err_errno(err, -errno, "write %s/%s", keeper->folder, path);
	return 0;
}

static int folder_make_own(struct launch *launch, const char *name, struct err *err)
{
	struct keeper *keeper = launch->service->keeper;

	snprintf(launch->folder, sizeof(launch->folder), "%s/%s", keeper->folder, name);
	if (mkdirat(keeper->folder_fd, name, 0700) < 0 && errno != EEXIST)
		return err_errno(err, -errno, "make %s", launch->folder);
	launch->folder_fd =
		openat(keeper->folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (launch->folder_fd < 0 || fchown(launch->folder_fd, launch->user, launch->user) < 0)
		return err_errno(err, -errno, "give %s to its user", launch->folder);
	/* by another user, if somebody took the number meanwhile */
	if (fchownat(launch->folder_fd, "leases", launch->user, launch->user, AT_SYMLINK_NOFOLLOW) <
		    0 &&
	    errno != ENOENT)
		return err_errno(err, -errno, "give %s/leases to its user", launch->folder);
	return 0;
}

/* In the child: what it is to be, then the program. */
static void become_dnsmasq(struct launch *launch, pid_t keeper)
{
	const struct confine_path paths[] = {
		{"/usr", CONFINE_RUN},
		{"/lib", CONFINE_RUN},
		{"/lib64", CONFINE_RUN},
		{launch->program, CONFINE_RUN},
		{"/etc", CONFINE_READ},
		{"/proc", CONFINE_READ},
		{"/run/systemd/resolve", CONFINE_READ},
		{"/run/resolvconf", CONFINE_READ},
		{"/run/NetworkManager", CONFINE_READ},
		{"/dev/urandom", CONFINE_READ},
		{"/dev/null", CONFINE_WRITE},
		{launch->folder, CONFINE_WRITE},
		{NULL, CONFINE_READ},
	};
	bool leases = serves_leases(launch->service);
	uint64_t caps =
		CAP(CAP_NET_BIND_SERVICE) | (leases ? CAP(CAP_NET_ADMIN) | CAP(CAP_NET_RAW) : 0);
	char *argv[] = {PROGRAM, "--keep-in-foreground", "--conf-file=-", NULL};
	char *environment[] = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin", NULL};
	int config = fcntl(launch->config_fd, F_DUPFD, 10),
	    mouth = fcntl(launch->mouth_fd, F_DUPFD, 10), nothing = open("/dev/null", O_RDWR);
	struct err err;
	sigset_t none;

	if (fchdir(launch->folder_fd) < 0)
		_exit(127);
	dup2(nothing, STDOUT_FILENO);
	dup2(mouth, STDERR_FILENO);
	dup2(config, STDIN_FILENO);
	closefrom(3);
	umask(077);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (confine_program(launch->user, caps, paths, &err)) {
		dprintf(STDERR_FILENO, "it does not run unconfined: %s\n", err.message);
		_exit(127);
	}
	if (getppid() != keeper)
		_exit(127);
	execve(launch->program, argv, environment);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", launch->program, strerror(errno));
	_exit(127);
}

/* In the network's namespace, where the child stays. */
static int launch_inside(void *data, struct err *err)
{
	struct launch *launch = data;
	struct service *service = launch->service;
	pid_t self = getpid();

	if (ports_try(service, err))
		return err->code;
	service->pid = fork();
	if (!service->pid)
		become_dnsmasq(launch, self);
	if (service->pid < 0) {
		service->pid = 0;
		return err_errno(err, -errno, "start " PROGRAM);
	}
	return 0;
}

static int launch_make(struct launch *launch, struct err *err)
{
	const struct object *object = launch->service->setup->object;
	char name[KEEPER_FILE_SIZE];
	int ns_fd FD_CLEANUP = -1;

	if (process_find(PROGRAM, launch->program, sizeof(launch->program))) {
		err_set(err, -ENOENT, PROGRAM " is not installed, and DHCP and DNS need it");
		return err_hint(err, "apt install dnsmasq-base");
	}
	keeper_file_name(object, name);
	launch->user = confine_user_find(name);
	if (config_write(launch, name, err) || folder_make_own(launch, name, err) ||
	    voice_open(launch->service, &launch->mouth_fd, err) ||
	    netns_open(object->ns, &ns_fd, err))
		return err->code;
	return netns_inside(ns_fd, launch_inside, launch, err);
}

static int begin(struct service *service, struct err *err)
{
	struct launch launch = {
		.service = service, .config_fd = -1, .folder_fd = -1, .mouth_fd = -1};
	int r = launch_make(&launch, err);

	if (launch.config_fd >= 0)
		close(launch.config_fd);
	if (launch.folder_fd >= 0)
		close(launch.folder_fd);
	if (launch.mouth_fd >= 0)
		close(launch.mouth_fd);
	if (r) {
		voice_close(service);
		keeper_files_forget(service->keeper->folder_fd, service->setup->object, false);
	}
	return r;
}

/* What it said last, without its own name before it. */
static int gave_up(const struct service *service, struct err *err)
{
	const char *said = service->voice.last, *colon = strstr(said, ": ");

	if (!said[0])
		return err_set(err, -ETIMEDOUT, PROGRAM " was not ready within %d s",
			       READY_MS / 1000);
	return err_set(err, -EIO, PROGRAM " does not start: %s",
		       text_starts(said, PROGRAM) && colon ? colon + 2 : said);
}

static int start(struct service *service, struct err *err)
{
	service->device_index = service_device_index(service);
	service->device_mtu = service_device_mtu(service);
	if (!service->device_index)
		return err_set(err, -ENODEV, "there is no device %s", service_name(service));
	if (begin(service, err))
		return err->code;
	if (!voice_await(service, READY_WORDS, READY_MS)) {
		supervise_stop(service);
		keeper_files_forget(service->keeper->folder_fd, service->setup->object, false);
		return gave_up(service, err);
	}
	if (supervise_begin(service, err)) {
		supervise_stop(service);
		return err->code;
	}
	return 0;
}

/* It reads its configuration once; leases outlive it. */
static int change(struct service *service, struct setup *setup, const struct secrets *secrets,
		  bool sockets, struct err *err)
{
	struct setup *before = service->setup;
	struct err ignored;
	int r;

	supervise_stop(service);
	service->setup = setup;
	r = start(service, err);
	service->setup = before;
	if (r && start(service, &ignored))
		supervise_again(service);
	return r;
}

/* A bridge made anew, or one of another size. */
static void refresh(struct service *service)
{
	uint32_t index = service_device_index(service);

	if (index == service->device_index && service_device_mtu(service) == service->device_mtu)
		return;
	supervise_stop(service);
	service->device_index = index;
	service->device_mtu = service_device_mtu(service);
	if (index)
		loop_timer_set(&service->restart, 1);
}

static void forget(struct service *service)
{
	keeper_files_forget(service->keeper->folder_fd, service->setup->object, true);
}

const struct craft craft_dhcp = {
	.kind = "dhcp",
	.word = "network",
	.start = start,
	.stop = supervise_stop,
	.change = change,
	.refresh = refresh,
	.forget = forget,
	.describe = leases_describe,
};
