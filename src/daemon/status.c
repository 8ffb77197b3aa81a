/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the services are doing, in the form of `show --json`. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/inside.h"

static void text_set(json_t *to, const char *key, const char *text)
{
	json_object_set_new(to, key, text[0] ? json_string(text) : json_null());
}

static void count_set(json_t *to, const char *key, uint64_t count)
{
	json_object_set_new(to, key, json_integer((json_int_t)count));
}

static void key_set(json_t *to, const uint8_t key[CONTROL_KEY_SIZE])
{
	char text[45];

	text_base64_put(key, CONTROL_KEY_SIZE, text);
	text_set(to, "public-key", text);
}

/* By name, those that happened. */
static void drops_set(json_t *to, const uint64_t drops[DROP_COUNT])
{
	json_t *list = json_object();

	for (int i = 0; i < DROP_COUNT; i++)
		if (drops[i])
			count_set(list, drop_name((enum drop)i), drops[i]);
	json_object_set_new(to, "drops", list);
}

static void endpoint_set(json_t *to, const struct control_endpoint *endpoint)
{
	char host[INET6_ADDRSTRLEN], scope[16] = "", text[100];

	if (!endpoint->family) {
		json_object_set_new(to, "endpoint", json_null());
		return;
	}
	inet_ntop(endpoint->family == 4 ? AF_INET : AF_INET6, endpoint->address, host,
		  sizeof(host));
	if (endpoint->scope)
		snprintf(scope, sizeof(scope), "%%%u", endpoint->scope);
	snprintf(text, sizeof(text), endpoint->family == 4 ? "%s%s:%u" : "[%s%s]:%u", host, scope,
		 endpoint->port);
	text_set(to, "endpoint", text);
}

static json_t *peer_describe(const struct control_peer_status *peer)
{
	json_t *to = json_object();

	text_set(to, "name", peer->name);
	json_object_set_new(to, "connected", json_boolean(peer->connected));
	json_object_set_new(to, "handshake-age",
			    peer->handshake_age_ms < 0
				    ? json_null()
				    : json_real((double)peer->handshake_age_ms / 1000));
	count_set(to, "rx-bytes", peer->rx_bytes);
	count_set(to, "tx-bytes", peer->tx_bytes);
	count_set(to, "rx-frames", peer->rx_frames);
	count_set(to, "tx-frames", peer->tx_frames);
	json_object_set_new(to, "path-mtu",
			    peer->path_mtu ? json_integer(peer->path_mtu) : json_null());
	endpoint_set(to, &peer->endpoint);
	text_set(to, "cipher", control_cipher_name(peer->cipher));
	count_set(to, "lanes", peer->lanes);
	count_set(to, "learned-macs", peer->macs);
	count_set(to, "refused-macs", peer->macs_refused);
	key_set(to, peer->public_key);
	drops_set(to, peer->drops);
	return to;
}

static uint16_t port_of(const struct service *service)
{
	struct sockaddr_in6 address = {0};
	socklen_t size = sizeof(address);

	getsockname(service->udp_fds[0], (struct sockaddr *)&address, &size);
	return ntohs(address.sin6_port);
}

static void tunnel_fill(json_t *to, const struct control_tunnel_status *status)
{
	key_set(to, status->public_key);
	text_set(to, "aead", status->aead);
	count_set(to, "lanes", status->lanes);
	count_set(to, "rx-bytes", status->rx_bytes);
	count_set(to, "tx-bytes", status->tx_bytes);
	count_set(to, "rx-frames", status->rx_frames);
	count_set(to, "tx-frames", status->tx_frames);
	count_set(to, "learned-macs", status->macs);
	count_set(to, "moved-macs", status->mac_moves);
	json_object_set_new(to, "under-load", json_boolean(status->under_load));
	drops_set(to, status->drops);
}

/* What the worker says; an empty list of peers when it says nothing. */
static void worker_ask(struct service *service, json_t *to)
{
	size_t room = service->setup->len;
	struct control_peer_status *peers = calloc(room + 1, sizeof(*peers));
	struct control_tunnel_status tunnel;
	json_t *list = json_array();
	struct err err;
	int n = -1;

	if (!peers)
		abort();
	if (service->pid) {
		n = control_read_status(service->control_fd, &tunnel, peers, room, &err);
		if (n < 0)
			worker_distrust(service);
	}
	if (n >= 0)
		tunnel_fill(to, &tunnel);
	for (int i = 0; i < n; i++)
		json_array_append_new(list, peer_describe(&peers[i]));
	json_object_set_new(to, "peers", list);
	free(peers);
}

void tunnel_describe(struct service *service, json_t *to)
{
	const struct object *tunnel = service->setup->object;

	text_set(to, "mode", tunnel->kind->mode);
	count_set(to, "port", port_of(service));
	count_set(to, "segment", (uint64_t)object_number(tunnel, "segment", 0));
	count_set(to, "restarts", service->restarts);
	worker_ask(service, to);
}

static json_t *service_describe(struct service *service)
{
	const struct object *object = service->setup->object;
	json_t *to = json_object();

	text_set(to, "name", object_name(object));
	json_object_set_new(to, "namespace", json_string(object->ns));
	if (service->craft->describe)
		service->craft->describe(service, to);
	if (service->problem[0])
		text_set(to, "problem", service->problem);
	return to;
}

json_t *status_describe(struct keeper *keeper)
{
	json_t *tunnels = json_array(), *networks = json_array(), *carriers = json_array();

	for (size_t i = 0; i < keeper->len; i++) {
		const struct craft *craft = keeper->services[i]->craft;

		json_array_append_new(craft == &craft_tunnel ? tunnels
				      : craft == &craft_dhcp ? networks
							     : carriers,
				      service_describe(keeper->services[i]));
	}
	return json_pack("{s:o,s:o,s:o}", "tunnels", tunnels, "networks", networks, "carriers",
			 carriers);
}
