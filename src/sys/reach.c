/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every target has a socket of its own: a raw one for echoes, to which the kernel gives all ICMP
 * that comes in, so that an answer is known by address, identifier and number; a stream that is
 * connecting else, given up and begun anew when it takes long, since the kernel alone would ask
 * again too seldom.
 */
#include "sys/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define AGAIN_MS 250	/* between two echoes */
#define CONNECT_MS 1000 /* for one attempt to connect */
#define TARGETS_MOST 16

struct asking {
	struct reach_target *target;
	int fd; /* -1: none now */
	uint16_t ident, number;
	uint64_t next_ms; /* when to ask again */
};

static uint64_t now_ms(void)
{
	return clock_now_ns() / 1000000;
}

/* host, and behind a colon port; an IPv6 address with a port stands in brackets. */
static int text_split(const char *text, char host[REACH_NAME_SIZE], const char **port)
{
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	bool bracket = text[0] == '[';

	*port = NULL;
	if (bracket) {
		end = strchr(text++, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*port = end[1] ? end + 2 : NULL;
	} else if (colon && strchr(text, ':') == colon) {
		end = colon;
		*port = colon + 1;
	}
	if (end == text || (*port && !**port) || end - text >= REACH_NAME_SIZE)
		return -EINVAL;
	snprintf(host, REACH_NAME_SIZE, "%.*s", (int)(end - text), text);
	return 0;
}

void reach_name(struct reach_target *target)
{
	char host[INET6_ADDRSTRLEN + 20], port[8];
	socklen_t size = sizeof(target->address);
	bool six = target->address.ss_family == AF_INET6;

	getnameinfo((struct sockaddr *)&target->address, size, host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	if (!target->tcp)
		snprintf(target->name, REACH_NAME_SIZE, "%s", host);
	else
		snprintf(target->name, REACH_NAME_SIZE, six ? "[%s]:%s" : "%s:%s", host, port);
}

int reach_parse(const char *text, struct reach_target *target, struct err *err)
{
	struct addrinfo wish = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char host[REACH_NAME_SIZE];
	struct addrinfo *found;
	const char *port;
	int64_t number;
	int r;

	if (text_split(text, host, &port) || (port && text_number(port, 1, 65535, &number)))
		return err_set(err, -EINVAL,
			       "\"%.60s\" is no target; expected an address or host:port, as "
			       "192.0.2.1 or 192.0.2.1:22",
			       text);
	r = getaddrinfo(host, port, &wish, &found);
	if (r) {
		err_set(err, -ENOENT, "the target %.60s: the name gives no address: %s", text,
			gai_strerror(r));
		return err_hint(err, "an address in place of the name");
	}
	*target = (struct reach_target){.tcp = port};
	memcpy(&target->address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	reach_name(target);
	return 0;
}

static int family_of(const struct asking *asking)
{
	return asking->target->address.ss_family;
}

static socklen_t size_of(const struct asking *asking)
{
	return family_of(asking) == AF_INET6 ? sizeof(struct sockaddr_in6)
					     : sizeof(struct sockaddr_in);
}

static uint16_t icmp_checksum(const void *bytes, size_t size)
{
	const uint16_t *words = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < size / 2; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* RFC 792 and RFC 4443 section 4.1: type, code, checksum, identifier, sequence number. */
static void echo_send(struct asking *asking)
{
	bool six = family_of(asking) == AF_INET6;
	uint16_t echo[8] = {0};

	*(uint8_t *)echo = six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	echo[2] = asking->ident;
	echo[3] = htons(++asking->number);
	if (!six) /* the kernel does it for IPv6 */
		echo[1] = icmp_checksum(echo, sizeof(echo));
	/* no way there, just now: that is an answer, too */
	if (sendto(asking->fd, echo, sizeof(echo), MSG_DONTWAIT,
		   (struct sockaddr *)&asking->target->address, size_of(asking)) < 0)
		return;
}

static bool from_target(const struct asking *asking, const struct sockaddr_storage *from)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
	const struct sockaddr_storage *target = &asking->target->address;

	if (from->ss_family == AF_INET)
		return four->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)target)->sin_addr.s_addr;
	return memcmp(&six->sin6_addr, &((const struct sockaddr_in6 *)target)->sin6_addr,
		      sizeof(six->sin6_addr)) == 0;
}

static void echo_receive(struct asking *asking)
{
	bool six = family_of(asking) == AF_INET6;
	struct sockaddr_storage from = {0};
	socklen_t size = sizeof(from);
	uint8_t bytes[576], *icmp = bytes;
	uint16_t ident;
	ssize_t got = recvfrom(asking->fd, bytes, sizeof(bytes), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &size);

	/* IPv4 packets come with their header */
	if (!six && got > 0)
		icmp += (bytes[0] & 15) * 4;
	if (got < icmp - bytes + 8 || !from_target(asking, &from))
		return;
	memcpy(&ident, icmp + 4, sizeof(ident));
	if (icmp[0] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && ident == asking->ident)
		asking->target->reached = true;
}

static int socket_open(struct asking *asking, struct err *err)
{
	bool six = family_of(asking) == AF_INET6;
	int protocol = asking->target->tcp ? 0 : six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int type = asking->target->tcp ? SOCK_STREAM : SOCK_RAW;

	asking->fd = socket(family_of(asking), type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (asking->fd < 0)
		return err_errno(err, -errno, "ask whether %s can be reached",
				 asking->target->name);
	return 0;
}

static void socket_close(struct asking *asking)
{
	if (asking->fd >= 0)
		close(asking->fd);
	asking->fd = -1;
}

static int ask(struct asking *asking, uint64_t now, struct err *err)
{
	struct reach_target *target = asking->target;

	if (target->reached || now < asking->next_ms)
		return 0;
	asking->next_ms = now + (target->tcp ? CONNECT_MS : AGAIN_MS);
	if (target->tcp)
		socket_close(asking);
	if (asking->fd < 0 && socket_open(asking, err))
		return err->code;
	if (!target->tcp)
		echo_send(asking);
	else if (connect(asking->fd, (struct sockaddr *)&target->address, size_of(asking)) == 0)
		target->reached = true;
	else if (errno != EINPROGRESS)
		socket_close(asking);
	return 0;
}

static void hear(struct asking *asking)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (!asking->target->tcp) {
		echo_receive(asking);
		return;
	}
	getsockopt(asking->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error)
		asking->target->reached = true;
	else
		asking->next_ms = now_ms() + AGAIN_MS;
	socket_close(asking);
}

static int open_count(const struct asking *list, size_t count)
{
	int n = 0;

	for (size_t i = 0; i < count; i++)
		n += !list[i].target->reached;
	return n;
}

/* Until somebody answers, or it is time to ask again. */
static void wait_once(struct asking *list, size_t count, uint64_t until)
{
	struct pollfd fds[TARGETS_MOST];
	uint64_t now = now_ms();

	for (size_t i = 0; i < count; i++) {
		bool open = !list[i].target->reached;

		fds[i] = (struct pollfd){.fd = open ? list[i].fd : -1,
					 .events = list[i].target->tcp ? POLLOUT : POLLIN};
		if (open && list[i].next_ms < until)
			until = list[i].next_ms;
	}
	if (poll(fds, count, until > now ? (int)(until - now) : 0) <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (fds[i].revents)
			hear(&list[i]);
}

int reach_all(struct reach_target *targets, size_t count, int ms, struct err *err)
{
	uint64_t end = now_ms() + (uint64_t)ms;
	struct asking list[TARGETS_MOST];
	int r = 0;

	if (count > TARGETS_MOST)
		return err_set(err, -E2BIG, "more than %d targets", TARGETS_MOST);
	for (size_t i = 0; i < count; i++) {
		targets[i].reached = false;
		list[i] = (struct asking){.target = &targets[i], .fd = -1};
		getrandom(&list[i].ident, sizeof(list[i].ident), 0);
	}
	while (!r && open_count(list, count) && now_ms() < end) {
		for (size_t i = 0; !r && i < count; i++)
			r = ask(&list[i], now_ms(), err);
		if (!r)
			wait_once(list, count, end);
	}
	for (size_t i = 0; i < count; i++)
		socket_close(&list[i]);
	return r ? r : open_count(list, count);
}
