/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking a breath: first all is computed and read that can be wrong, then services are changed and
 * started one by one, and put back as they were when one refuses; what ends, ends last.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/inside.h"

/* One service of the breath. */
struct change {
	const struct craft *craft;
	const char *ns, *name;
	struct service *service; /* NULL: it does not run yet */
	struct setup *setup;	 /* as it shall be */
	struct secrets *secrets;
	int udp_fds[2]; /* new ones, or -1 */
	int step;	/* its first */
	bool done;
};

struct changes {
	struct keeper *keeper;
	struct change *list;
	size_t len;
};

static bool has_sockets(const struct change *change)
{
	return change->udp_fds[0] >= 0;
}

static struct change *change_of(struct changes *changes, const struct object *object, int step)
{
	const struct craft *craft = service_craft(object);
	const char *name = setup_name(object);
	struct change *change;

	for (size_t i = 0; i < changes->len; i++)
		if (changes->list[i].craft == craft && text_same(changes->list[i].ns, object->ns) &&
		    text_same(changes->list[i].name, name))
			return &changes->list[i];
	change = &changes->list[changes->len++];
	*change = (struct change){
		.craft = craft,
		.ns = object->ns,
		.name = name,
		.service = service_find(changes->keeper, craft, object->ns, name),
		.udp_fds = {-1, -1},
		.step = step,
	};
	change->setup = setup_copy(change->service ? change->service->setup : NULL);
	return change;
}

/* A bound UDP socket over IPv4 comes first, one over IPv6 may follow. */
static int socket_check(int fd, bool second, uint16_t port, struct err *err)
{
	struct sockaddr_in6 address = {0};
	socklen_t size = sizeof(address), int_size = sizeof(int);
	int type = 0, protocol = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &int_size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0 || type != SOCK_DGRAM ||
	    protocol != IPPROTO_UDP || address.sin6_family != (second ? AF_INET6 : AF_INET) ||
	    !address.sin6_port)
		return err_set(err, -EINVAL, "a descriptor that is no bound UDP socket");
	if (port && ntohs(address.sin6_port) != port)
		return err_set(err, -EINVAL, "a socket of another port than the tunnel's");
	return 0;
}

static int sockets_take(struct change *change, const struct keeper_step *step, int **fds,
			struct err *err)
{
	uint16_t port = (uint16_t)object_number(step->step.after, "port", 0);

	if (step->sockets && (object_owner(step->step.after) || has_sockets(change)))
		return err_set(err, -EINVAL, "sockets that no tunnel wants");
	for (unsigned int i = 0; i < step->sockets; i++, (*fds)++) {
		if (socket_check(**fds, i, port, err))
			return err->code;
		change->udp_fds[i] = **fds;
		**fds = -1;
	}
	return 0;
}

static int gather(struct changes *changes, struct keeper_step *steps, size_t len, int *fds,
		  int *failed, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		const struct keeper_step *step = &steps[i];
		struct change *change;

		*failed = (int)i;
		change = change_of(changes, step_object(&step->step), (int)i);
		if (setup_step(change->setup, step, err) ||
		    (step->sockets && sockets_take(change, step, &fds, err)))
			return err->code;
	}
	return 0;
}

static int prepare(struct changes *changes, int *failed, struct err *err)
{
	for (size_t i = 0; i < changes->len; i++) {
		struct change *change = &changes->list[i];
		struct setup *setup = change->setup;

		*failed = change->step;
		if (!setup->object && change->service)
			continue; /* it ends, peers and all */
		if (!setup->object && setup->len)
			return err_set(err, -ENOENT, "%s does not run", change->name);
		if (setup->object && service_check(setup, &change->secrets, err))
			return err->code;
	}
	return 0;
}

static void swap_fds(int a[2], int b[2])
{
	int keep[2] = {a[0], a[1]};

	memcpy(a, b, sizeof(keep));
	memcpy(b, keep, sizeof(keep));
}

/* A second time it undoes: service and change swap what they hold. */
static int change_swap(struct change *change, struct err *err)
{
	struct service *service = change->service;
	struct setup *setup = service->setup;
	struct secrets *secrets = service->secrets;
	bool sockets = has_sockets(change);
	int r;

	if (secrets)
		change->secrets->config.mtu = secrets->config.mtu;
	if (sockets)
		swap_fds(service->udp_fds, change->udp_fds);
	r = service->craft->change(service, change->setup, change->secrets, sockets, err);
	if (r && sockets)
		swap_fds(service->udp_fds, change->udp_fds);
	if (r)
		return r;
	service->setup = change->setup;
	service->secrets = change->secrets;
	change->setup = setup;
	change->secrets = secrets;
	return 0;
}

static int change_begin(struct changes *changes, struct change *change, struct err *err)
{
	if (change->service)
		return change_swap(change, err);
	if (service_new(changes->keeper, change->setup, change->secrets, change->udp_fds,
			&change->service, err))
		return err->code;
	service_add(changes->keeper, change->service);
	change->setup = NULL;
	change->secrets = NULL;
	change->udp_fds[0] = change->udp_fds[1] = -1;
	return 0;
}

/* For good, and not because the keeper ends. */
static void service_end(struct keeper *keeper, struct service *service)
{
	service->craft->stop(service);
	if (service->craft->forget)
		service->craft->forget(service);
	service_remove(keeper, service);
}

static void change_undo(struct changes *changes, struct change *change)
{
	struct err ignored;

	if (change->setup)
		change_swap(change, &ignored);
	else
		service_end(changes->keeper, change->service);
}

static int carry_out(struct changes *changes, int *failed, struct err *err)
{
	size_t i;

	for (i = 0; i < changes->len; i++) {
		struct change *change = &changes->list[i];

		*failed = change->step;
		if (!change->setup->object)
			continue;
		if (change_begin(changes, change, err))
			break;
		change->done = true;
	}
	if (i < changes->len) {
		while (i--)
			if (changes->list[i].done)
				change_undo(changes, &changes->list[i]);
		return err->code;
	}
	for (i = 0; i < changes->len; i++)
		if (!changes->list[i].done && changes->list[i].service)
			service_end(changes->keeper, changes->list[i].service);
	return 0;
}

static void changes_free(struct changes *changes)
{
	for (size_t i = 0; i < changes->len; i++) {
		struct change *change = &changes->list[i];

		for (int j = 0; j < 2; j++)
			if (change->udp_fds[j] >= 0)
				close(change->udp_fds[j]);
		secrets_free(change->secrets);
		setup_free(change->setup);
	}
	free(changes->list);
}

int change_apply(struct keeper *keeper, struct keeper_step *steps, size_t len, int *fds,
		 int *failed, struct err *err)
{
	struct changes changes = {.keeper = keeper, .list = calloc(len + 1, sizeof(struct change))};
	int r;

	if (!changes.list)
		abort();
	*failed = -1;
	r = gather(&changes, steps, len, fds, failed, err);
	if (!r)
		r = prepare(&changes, failed, err);
	if (!r)
		r = carry_out(&changes, failed, err);
	changes_free(&changes);
	return r;
}
