/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One function for each call, as harmless as it can be made. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <unistd.h>

#include "system/probe.h"

struct probe_had had;

static struct sockaddr_in here(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int do_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int do_openat2(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {0};

	return (int)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof(how));
}

static int do_create(void)
{
	char name[] = "/tmp/lanloom-probe-XXXXXX";
	int fd = mkstemp(name);

	return fd < 0 ? -1 : unlink(name);
}

static int do_mkdir(void)
{
	char name[] = "/tmp/lanloom-probe-XXXXXX";

	return mkdtemp(name) ? rmdir(name) : -1;
}

static int do_chmod(void)
{
	return fchmod(had.memory, 0600);
}

static int do_truncate(void)
{
	return ftruncate(had.memory, 0);
}

static int do_chdir(void)
{
	return chdir("/tmp");
}

static int do_chroot(void)
{
	return chroot("/tmp");
}

static int do_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int do_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int do_socketpair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int do_bind_tcp(void)
{
	struct sockaddr_in address = here();

	return bind(had.tcp, (struct sockaddr *)&address, sizeof(address));
}

static int do_bind_udp(void)
{
	struct sockaddr_in address = here();

	return bind(had.udp, (struct sockaddr *)&address, sizeof(address));
}

static int do_connect(void)
{
	struct sockaddr_in address = here();

	address.sin_port = htons(9);
	return connect(had.udp, (struct sockaddr *)&address, sizeof(address));
}

static int do_sendto(void)
{
	struct sockaddr_in address = here();

	address.sin_port = htons(9);
	return (int)sendto(had.udp, "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
}

static int do_setsockopt(void)
{
	int one = 1;

	return setsockopt(had.udp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
}

static int do_getsockopt(void)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(had.udp, SOL_SOCKET, SO_TYPE, &type, &size);
}

static int do_ioctl(void)
{
	int waiting;

	return ioctl(had.udp, FIONREAD, &waiting);
}

static int do_fcntl(void)
{
	return fcntl(had.udp, F_SETOWN, had.parent);
}

static int do_dup(void)
{
	return dup(had.udp);
}

static int do_execve(void)
{
	char *argv[] = {"true", NULL};

	return execv("/bin/true", argv);
}

static int do_execveat(void)
{
	char *argv[] = {"true", NULL};

	return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0);
}

/* The new process ends at once. */
static int do_fork(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(0);
	return child;
}

static int do_clone_user(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(0);
	return child;
}

static int do_unshare(void)
{
	return unshare(CLONE_NEWNET);
}

static int do_setns(void)
{
	return setns(had.netns, CLONE_NEWNET);
}

static int do_ptrace(void)
{
	return (int)ptrace(PTRACE_SEIZE, had.parent, 0, 0);
}

static int do_traceme(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, 0, 0);
}

static int do_read_memory(void)
{
	char byte;
	struct iovec to = {&byte, 1}, from = {had.page, 1};

	return (int)process_vm_readv(had.parent, &to, 1, &from, 1, 0);
}

static int do_kill(void)
{
	return kill(had.parent, 0);
}

static int do_tgkill(void)
{
	return (int)syscall(SYS_tgkill, had.parent, had.parent, 0);
}

static int do_pidfd(void)
{
	return (int)syscall(SYS_pidfd_open, had.parent, 0);
}

/* In a mount namespace of its own: see prepare(). */
static int do_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int do_umount(void)
{
	return umount2("/proc", MNT_DETACH);
}

static int do_hostname(void)
{
	return sethostname("probe", 5);
}

static int do_setuid(void)
{
	return setuid(0);
}

static int do_setgid(void)
{
	return setgid(0);
}

static int do_setgroups(void)
{
	return (int)syscall(SYS_setgroups, 0, NULL);
}

static int do_capset(void)
{
	uint32_t head[2] = {0x20080522, 0}, sets[6] = {~0u, ~0u, 0, 0, 0, 0};

	/* the highest capabilities may not be there, so only what is asked for: CAP_NET_ADMIN */
	sets[0] = sets[1] = 1u << 12;
	return (int)syscall(SYS_capset, head, sets);
}

static int do_bpf(void)
{
	union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4};

	map.max_entries = 1;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map));
}

static int do_perf(void)
{
	struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(event)};

	return (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, 0);
}

static int do_keyctl(void)
{
	return (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
}

static int do_add_key(void)
{
	return (int)syscall(SYS_add_key, "user", "lanloom-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING);
}

static int do_io_uring(void)
{
	char parameters[120] = {0};

	return (int)syscall(SYS_io_uring_setup, 1, parameters);
}

static int do_userfaultfd(void)
{
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC);
}

static int do_memfd(void)
{
	return memfd_create("probe", 0);
}

static int do_mmap_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static int do_mprotect(void)
{
	return mprotect(had.page, 4096, PROT_READ | PROT_EXEC);
}

static int do_madvise(void)
{
	return madvise(had.page, 4096, MADV_DONTNEED);
}

static int do_shm(void)
{
	return shmget(IPC_PRIVATE, 4096, 0600); /* goes with its namespace */
}

static int do_personality(void)
{
	return personality(0xffffffff);
}

static int do_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static int do_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_CORE, &limit);
}

static int do_priority(void)
{
	return setpriority(PRIO_PROCESS, 0, 0);
}

static int do_syslog(void)
{
	return klogctl(10, NULL, 0); /* how large is the kernel's log */
}

static int do_adjtime(void)
{
	struct timex time = {0};

	return adjtimex(&time);
}

static int do_signal(void)
{
	return signal(SIGUSR1, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static int do_epoll(void)
{
	return epoll_create1(0);
}

static int do_eventfd(void)
{
	return eventfd(0, 0);
}

static int do_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int do_inotify(void)
{
	return inotify_init1(0);
}

static int do_pipe(void)
{
	int pair[2];

	return pipe(pair);
}

static int do_uname(void)
{
	char room[1024];

	return (int)syscall(SYS_uname, room);
}

#ifdef __x86_64__
/* getpid as a program of 32 bits calls it. */
static int do_other_arch(void)
{
	long number = 20;

	__asm__ volatile("int $0x80" : "+a"(number) : : "memory");
	return number > 0 ? 0 : -1;
}
#endif

/* These a worker needs. */
static int may_getrandom(void)
{
	char byte;

	return (int)getrandom(&byte, 1, 0);
}

static int may_mmap(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : munmap(page, 4096);
}

static int may_write(void)
{
	return (int)write(STDERR_FILENO, "", 0);
}

static int may_fcntl(void)
{
	return fcntl(had.udp, F_GETFL);
}

static int may_poll(void)
{
	struct pollfd none = {.fd = had.udp, .events = POLLOUT};

	return poll(&none, 1, 0);
}

static int may_sendmsg(void)
{
	struct sockaddr_in address = here();
	struct iovec part = {"x", 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_name = &address,
				 .msg_namelen = sizeof(address)};

	address.sin_port = htons(9);
	return (int)sendmsg(had.udp, &message, 0);
}

const struct probe_try probe_tries[] = {
	{"open", do_open},
	{"openat2", do_openat2},
	{"create", do_create},
	{"mkdir", do_mkdir},
	{"chmod", do_chmod},
	{"truncate", do_truncate},
	{"chdir", do_chdir},
	{"chroot", do_chroot},
	{"socket", do_socket},
	{"netlink", do_netlink},
	{"socketpair", do_socketpair},
	{"bind-tcp", do_bind_tcp},
	{"bind-udp", do_bind_udp},
	{"connect", do_connect},
	{"sendto", do_sendto},
	{"setsockopt", do_setsockopt},
	{"getsockopt", do_getsockopt},
	{"ioctl", do_ioctl},
	{"fcntl", do_fcntl},
	{"dup", do_dup},
	{"execve", do_execve},
	{"execveat", do_execveat},
	{"fork", do_fork},
	{"clone-user", do_clone_user},
	{"unshare", do_unshare},
	{"setns", do_setns},
	{"ptrace", do_ptrace},
	{"traceme", do_traceme},
	{"read-memory", do_read_memory},
	{"kill", do_kill},
	{"tgkill", do_tgkill},
	{"pidfd", do_pidfd},
	{"mount", do_mount},
	{"umount", do_umount},
	{"hostname", do_hostname},
	{"setuid", do_setuid},
	{"setgid", do_setgid},
	{"setgroups", do_setgroups},
	{"capset", do_capset},
	{"bpf", do_bpf},
	{"perf", do_perf},
	{"keyctl", do_keyctl},
	{"add-key", do_add_key},
	{"io-uring", do_io_uring},
	{"userfaultfd", do_userfaultfd},
	{"memfd", do_memfd},
	{"mmap-code", do_mmap_code},
	{"mprotect", do_mprotect},
	{"madvise", do_madvise},
	{"shm", do_shm},
	{"personality", do_personality},
	{"dumpable", do_dumpable},
	{"limit", do_limit},
	{"priority", do_priority},
	{"syslog", do_syslog},
	{"adjtime", do_adjtime},
	{"signal", do_signal},
	{"epoll", do_epoll},
	{"eventfd", do_eventfd},
	{"timerfd", do_timerfd},
	{"inotify", do_inotify},
	{"pipe", do_pipe},
	{"uname", do_uname},
#ifdef __x86_64__
	{"other-arch", do_other_arch},
#endif
	{"may-getrandom", may_getrandom},
	{"may-mmap", may_mmap},
	{"may-write", may_write},
	{"may-fcntl", may_fcntl},
	{"may-poll", may_poll},
	{"may-sendmsg", may_sendmsg},
};
const size_t probe_tries_len = sizeof(probe_tries) / sizeof(probe_tries[0]);
