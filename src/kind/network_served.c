/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports that this host serves itself, from /proc/net (proc(5)): a forward would take them away
 * from whoever listens there, without a word.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "kind/network.h"

#define STATE_LISTEN 10 /* TCP_LISTEN, include/net/tcp_states.h */
#define STATE_BOUND 7	/* what an unconnected UDP socket has: TCP_CLOSE */

struct socket {
	uint8_t address[16];
	uint8_t size; /* of the address: 4 or 16 */
	uint16_t port;
	unsigned int state;
};

/* "   0: 0100007F:1F90 00000000:0000 0A …": words of four bytes in this machine's order. */
static bool socket_parse(const char *line, struct socket *socket)
{
	char text[33];
	unsigned int port, word;

	if (sscanf(line, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x", text, &port, &socket->state) !=
	    3)
		return false;
	socket->size = (uint8_t)(strlen(text) / 2);
	if (socket->size != 4 && socket->size != 16)
		return false;
	for (unsigned int i = 0; i < socket->size; i += sizeof(uint32_t)) {
		uint32_t bytes;

		if (sscanf(text + (size_t)i * 2, "%8x", &word) != 1)
			return false;
		bytes = word;
		memcpy(socket->address + i, &bytes, sizeof(bytes));
	}
	socket->port = (uint16_t)port;
	return true;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool is_loopback(const struct socket *socket)
{
	return socket->size == 4 ? socket->address[0] == 127
				 : is_zero(socket->address, 15) && socket->address[15] == 1;
}

/* Whether what the forward takes would have reached the socket. One bound to :: serves IPv4, too.
 */
static bool takes(const struct network_listen *listen, const struct ip *to,
		  const struct socket *socket)
{
	bool any = is_zero(socket->address, socket->size);

	if (socket->port < listen->ports[0] || socket->port > listen->ports[1] ||
	    is_loopback(socket) || (socket->size == 4 && to->family == AF_INET6) ||
	    (socket->size == 16 && to->family == AF_INET && !any))
		return false;
	return any || !listen->address.family ||
	       memcmp(listen->address.bytes, socket->address, socket->size) == 0;
}

static void look(const char *path, const struct network_listen *listen, const struct ip *to,
		 unsigned int state, uint16_t *served)
{
	FILE *file = fopen(path, "re");
	struct socket socket;
	char line[300];

	while (file && fgets(line, sizeof(line), file))
		if (socket_parse(line, &socket) && socket.state == state &&
		    takes(listen, to, &socket))
			*served = socket.port;
	if (file)
		fclose(file);
}

static void look_family(const struct object *forward, const struct state *state, uint8_t family,
			struct diag *diag)
{
	struct network_listen listen;
	struct network_target target;
	uint16_t served = 0;
	bool tcp;

	if (!network_forward(forward, state, family, &listen, &target))
		return;
	tcp = text_same(listen.protocol, "tcp");
	look(tcp ? "/proc/thread-self/net/tcp" : "/proc/thread-self/net/udp", &listen, &target.ip,
	     tcp ? STATE_LISTEN : STATE_BOUND, &served);
	look(tcp ? "/proc/thread-self/net/tcp6" : "/proc/thread-self/net/udp6", &listen, &target.ip,
	     tcp ? STATE_LISTEN : STATE_BOUND, &served);
	if (served)
		err_hint(diag_error(diag, object_place_of(forward, "listen"),
				    object_label(forward, state->arena),
				    "%s port %u is served by this host itself; expected one "
				    "that nobody listens at",
				    listen.protocol, served),
			 "ss -%cnlp sport = :%u tells who", tcp ? 't' : 'u', served);
}

void network_served(const struct object *network, const struct state *state, struct diag *diag)
{
	const struct object *forward;

	/* of the namespace the caller is in; another one's sockets are not looked at */
	for (size_t i = 0; !network->ns[0] && (forward = state_next(state, "forward", &i));) {
		if (!network_owns(network, forward))
			continue;
		look_family(forward, state, AF_INET, diag);
		look_family(forward, state, AF_INET6, diag);
	}
}
