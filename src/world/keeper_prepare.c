/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world/keeper_prepare.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#define ANY_PORT_TRIES 16

struct binding {
	uint16_t port; /* 0: any, the same for both families */
	int fds[2];
	size_t count;
};

static void binding_close(struct binding *binding)
{
	while (binding->count)
		close(binding->fds[--binding->count]);
}

static int bind_one(struct binding *binding, int family)
{
	int fd FD_CLEANUP = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(binding->port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(binding->port)};
	bool is_six = family == AF_INET6;
	socklen_t size = is_six ? sizeof(six) : sizeof(four);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (is_six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four, size) < 0)
		return -errno;
	if (!binding->port) {
		if (getsockname(fd, (struct sockaddr *)&four, &size) < 0)
			return -errno;
		binding->port = ntohs(four.sin_port);
	}
	binding->fds[binding->count++] = fd_take(&fd);
	return 0;
}

/* IPv4 first, then IPv6 where the kernel has it. */
static int bind_both(struct binding *binding)
{
	int r = bind_one(binding, AF_INET);

	if (!r)
		r = bind_one(binding, AF_INET6);
	return r == -EAFNOSUPPORT && binding->count ? 0 : r;
}

static int bind_inside(void *data, struct err *err)
{
	struct binding *binding = data;
	uint16_t wanted = binding->port;
	int tries = wanted ? 1 : ANY_PORT_TRIES;
	int r = -EADDRINUSE;

	while (r == -EADDRINUSE && tries--) {
		binding->port = wanted;
		r = bind_both(binding);
		if (r)
			binding_close(binding);
	}
	if (r == -EADDRINUSE) {
		err_set(err, r, "UDP port %u is in use by another program", wanted);
		return err_hint(err, "ss -ulpn 'sport = :%u' says by which; or another port",
				wanted);
	}
	return r ? err_errno(err, r, "bind UDP port %u", wanted) : 0;
}

struct resolving {
	char host[256], port[8];
	char *out; /* room for 128 */
};

static int endpoint_split(const char *endpoint, struct resolving *resolving, struct err *err)
{
	const char *colon = strrchr(endpoint, ':'), *end = colon;

	if (!colon || strlen(colon + 1) >= sizeof(resolving->port))
		return err_set(err, -EINVAL, "endpoint %.100s is not host:port", endpoint);
	if (endpoint[0] == '[' && colon > endpoint && colon[-1] == ']') {
		endpoint++;
		end--;
	}
	if ((size_t)(end - endpoint) >= sizeof(resolving->host))
		return err_set(err, -EINVAL, "endpoint %.100s: the name is too long", endpoint);
	snprintf(resolving->host, sizeof(resolving->host), "%.*s", (int)(end - endpoint), endpoint);
	snprintf(resolving->port, sizeof(resolving->port), "%s", colon + 1);
	return 0;
}

/* As the keeper reads it: a scope is a number there, since it has no names of other namespaces. */
static void address_put(const struct sockaddr *address, char out[128])
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN], scope[16] = "";

	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		snprintf(out, 128, "%s:%u", host, ntohs(four->sin_port));
		return;
	}
	if (six->sin6_scope_id)
		snprintf(scope, sizeof(scope), "%%%u", six->sin6_scope_id);
	inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
	snprintf(out, 128, "[%s%s]:%u", host, scope, ntohs(six->sin6_port));
}

static int resolve_inside(void *data, struct err *err)
{
	struct resolving *resolving = data;
	struct addrinfo wish = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	int r = getaddrinfo(resolving->host, resolving->port, &wish, &found);

	if (!r) {
		address_put(found->ai_addr, resolving->out);
		freeaddrinfo(found);
		return 0;
	}
	err_set(err, r == EAI_NONAME ? -ENOENT : -EAGAIN, "the name %s gives no address: %s",
		resolving->host, gai_strerror(r));
	return err_hint(err, "an address in place of the name");
}

/* Does the step give this field a value that was not there before? */
static bool gives(const struct step *step, const char *key)
{
	int f = kind_field_find(step->after->kind, key);

	if (f < 0)
		return false;
	return !step->before || step->mask >> f & 1;
}

static int sockets_bind(struct site *site, struct keeper_prepared *prepared,
			struct keeper_step *step, struct err *err)
{
	const struct object *after = step->step.after;
	struct binding binding = {.port = (uint16_t)object_number(after, "port", 0)};

	if (prepared->fd_count + 2 > KEEPER_FDS_MOST)
		return err_set(err, -EMSGSIZE, "more than %d tunnels at once", KEEPER_FDS_MOST / 2);
	if (site_inside(site, bind_inside, &binding, err))
		return err_at(err, "", object_place_of(after, "port"));
	step->sockets = (unsigned int)binding.count;
	for (size_t i = 0; i < binding.count; i++)
		prepared->fds[prepared->fd_count++] = binding.fds[i];
	return 0;
}

static int endpoint_resolve(struct site *site, struct arena *arena, struct keeper_step *step,
			    struct err *err)
{
	const char *endpoint = object_text(step->step.after, "endpoint");
	struct resolving resolving = {.out = arena_alloc(arena, 128)};
	int r;

	if (!endpoint)
		return 0;
	r = endpoint_split(endpoint, &resolving, err);
	if (!r)
		r = site_inside(site, resolve_inside, &resolving, err);
	if (r)
		return err_at(err, "", object_place_of(step->step.after, "endpoint"));
	step->resolved = resolving.out;
	return 0;
}

static int step_prepare(struct sites *sites, struct arena *arena, struct keeper_prepared *prepared,
			struct keeper_step *step, struct err *err)
{
	const struct object *after = step->step.after;
	bool port = gives(&step->step, "port"), endpoint = gives(&step->step, "endpoint");
	struct site *site;

	if (!port && !endpoint)
		return 0;
	if (site_open(sites, after->ns, &site, err))
		return err->code;
	if (port && sockets_bind(site, prepared, step, err))
		return err->code;
	return endpoint ? endpoint_resolve(site, arena, step, err) : 0;
}

int keeper_prepare(struct sites *sites, const struct breath *breath, struct arena *arena,
		   struct keeper_prepared *prepared, struct err *err)
{
	*prepared = (struct keeper_prepared){.deletes_only = true};
	prepared->steps = arena_alloc(arena, breath->len * sizeof(*prepared->steps) + 1);
	for (size_t i = 0; i < breath->len; i++) {
		const struct step *step = &breath->steps[i];
		struct keeper_step *mine = &prepared->steps[prepared->len];

		if (step_object(step)->kind->door != DOOR_KEEPER)
			continue;
		mine->step = *step;
		prepared->len++;
		if (!step->after)
			continue;
		prepared->deletes_only = false;
		prepared->creates |= !step->before;
		if (step_prepare(sites, arena, prepared, mine, err))
			return err_at(err, object_label(step->after, arena), step->place);
	}
	return 0;
}

void keeper_prepared_fini(struct keeper_prepared *prepared)
{
	while (prepared->fd_count)
		close(prepared->fds[--prepared->fd_count]);
}
