/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is played in place of the system around the keeper; the linker leads the calls here. */
#pragma once
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "tunnel/crypto.h"

#define PLAYED_PORT 51999
#define PLAYED_PORT_TEXT "51999"

int __wrap_worker_start(struct service *service, struct err *err);
void __wrap_worker_stop(struct service *service);
int __wrap_worker_change(struct service *service, const struct secrets *secrets, bool sockets,
			 struct err *err);
void __wrap_watch_renew(struct keeper *keeper, bool told);
void __wrap_watch_told(struct keeper *keeper);
void __wrap_names_look(struct keeper *keeper);
void __wrap_names_identity(const char *ns, uint64_t *device, uint64_t *inode);
bool __wrap_keeper_end_check(struct keeper *keeper);
void __wrap_keeper_wait(struct keeper *keeper, int ms);
int __wrap_netns_open(const char *name, int *fd, struct err *err);
int __wrap_netns_inside(int fd, int (*act)(void *data, struct err *err), void *data,
			struct err *err);
int __wrap_tun_open_queue(const char *name, uint16_t sort, int *fd, struct err *err);
int __wrap_key_private_read(const char *path, uint8_t private[32], struct err *err);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size);
void __wrap_guarding_look(struct keeper *keeper);
bool __wrap_guarding_stands(const struct keeper *keeper);
void __wrap_log_warning(struct log *log, const char *format, ...);
int __wrap_process_find(const char *name, char *path, size_t size);
int __wrap_getsockname(int fd, struct sockaddr *at, socklen_t *size);
int __real_getsockname(int fd, struct sockaddr *at, socklen_t *size);
int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *size);

/* A worker starts unless its tunnel has no peer and an odd port; it takes every third change badly.
 */
int __wrap_worker_start(struct service *service, struct err *err)
{
	if (!service->setup->len && object_number(service->setup->object, "segment", 0) == 13)
		return err_set(err, -EIO, "played: no worker");
	return 0;
}

void __wrap_worker_stop(struct service *service)
{
}

int __wrap_worker_change(struct service *service, const struct secrets *secrets, bool sockets,
			 struct err *err)
{
	if (secrets->config.segment % 3 == 2)
		return err_set(err, -EINVAL, "played: refused");
	return 0;
}

void __wrap_watch_renew(struct keeper *keeper, bool told)
{
}

void __wrap_watch_told(struct keeper *keeper)
{
}

void __wrap_names_look(struct keeper *keeper)
{
}

void __wrap_names_identity(const char *ns, uint64_t *device, uint64_t *inode)
{
	*device = *inode = 0;
}

bool __wrap_keeper_end_check(struct keeper *keeper)
{
	return false;
}

void __wrap_keeper_wait(struct keeper *keeper, int ms)
{
}

int __wrap_netns_open(const char *name, int *fd, struct err *err)
{
	*fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

int __wrap_netns_inside(int fd, int (*act)(void *data, struct err *err), void *data,
			struct err *err)
{
	return act(data, err);
}

int __wrap_tun_open_queue(const char *name, uint16_t sort, int *fd, struct err *err)
{
	if (name[0] == 'n')
		return err_errno(err, -ENODEV, "played: %s", name);
	*fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

/* A file's key follows from its path; some cannot be read. */
int __wrap_key_private_read(const char *path, uint8_t private[32], struct err *err)
{
	if (strlen(path) % 5 == 4)
		return err_errno(err, -EACCES, "%s", path);
	memset(private, (int)strlen(path), 32);
	return 0;
}

/* Whoever runs this is root to the keeper. */
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	int r = __real_getsockopt(fd, level, option, value, size);

	if (r == 0 && level == SOL_SOCKET && option == SO_PEERCRED)
		((struct ucred *)value)->uid = 0;
	return r;
}

/* Whatever port there was for us. */
int __wrap_getsockname(int fd, struct sockaddr *at, socklen_t *size)
{
	int r = __real_getsockname(fd, at, size);

	if (r == 0 && (at->sa_family == AF_INET || at->sa_family == AF_INET6))
		((struct sockaddr_in *)at)->sin_port = htons(PLAYED_PORT);
	return r;
}

void __wrap_guarding_look(struct keeper *keeper)
{
}

bool __wrap_guarding_stands(const struct keeper *keeper)
{
	return false;
}

/* It would go to the system's log. */
void __wrap_log_warning(struct log *log, const char *format, ...)
{
}

/* No program of others is started. */
int __wrap_process_find(const char *name, char *path, size_t size)
{
	return -ENOENT;
}
