/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One node of a lan tunnel for tests: plays the keeper towards a real worker process.
 *
 *	tunnel_node --key HEX [--listen ADDRESS:PORT] [--cipher auto|aes256gcm|chacha20poly1305]
 *		[--mtu N] [--segment N] [--lanes N] (--frames FD | --tap NAME)
 *		[--peer KEYHEX[,endpoint=ADDRESS:PORT][,psk=HEX][,keepalive=S][,relay][,cipher=WORD]
 *			[,macs=N][,storm=N][,name=WORD]] …
 *
 * --frames FD: in place of a TAP, an open socket that keeps message boundaries (SOCK_SEQPACKET or
 * SOCK_DGRAM, one end of a pair; 3 by habit). Each message is a virtio_net header of 10 bytes and
 * an Ethernet frame, both ways; zero bytes are the header of a frame with complete checksums. No
 * root is needed. --tap NAME opens that TAP (made if it does not exist, not persistent).
 * Lanes from the second on have a socket on 127.0.0.1, and no frames of their own to send.
 * ADDRESS is IPv4, or IPv6 in brackets; port 0 is any. Default 127.0.0.1:0.
 *
 * It says "ready PUBLICKEYHEX PORT" when the worker is configured, then takes lines from stdin and
 * answers each with one line:
 *	status			one JSON document: {"tunnel": {…}, "peers": [{…}]}
 *	peer KEYHEX[,…]		adds or changes a peer: "ok" or "error …"
 *	remove KEYHEX		"ok" or "error …"
 *	public KEYHEX		the public half of a private key (needs no worker)
 * It ends, and the worker with it, when stdin closes. Exit code 0, or the worker's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tunnel/control.h"
#include "tunnel/crypto.h"
#include "tunnel/worker.h"

#define PEERS_MAX 1024

static struct control_peer peers[PEERS_MAX];
static struct control_config config = {
	.name = "node", .mtu = 1500, .tap_fd = -1, .udp4_fd = -1, .udp6_fd = -1, .peers = peers};

static void die(const char *what)
{
	fprintf(stderr, "tunnel_node: %s\n", what);
	exit(2);
}

static bool parse_hex(const char *text, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (sscanf(text + 2 * i, "%2hhx", &out[i]) != 1)
			return false;
	return strlen(text) == 2 * size;
}

static void print_hex(char *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

static bool parse_endpoint(char *text, struct control_endpoint *out)
{
	char *port = strrchr(text, ':');

	if (!port)
		return false;
	*port++ = '\0';
	out->port = (uint16_t)atoi(port);
	if (text[0] == '[' && text[strlen(text) - 1] == ']') {
		text[strlen(text) - 1] = '\0';
		out->family = 6;
		return inet_pton(AF_INET6, text + 1, out->address) == 1;
	}
	out->family = 4;
	return inet_pton(AF_INET, text, out->address) == 1;
}

static enum control_cipher parse_cipher(const char *word)
{
	for (enum control_cipher c = 0; c < CONTROL_CIPHER_COUNT; c++)
		if (strcmp(control_cipher_name(c), word) == 0)
			return c;
	return CONTROL_CIPHER_COUNT; /* refused by the worker, which is worth a test */
}

/* "endpoint=…" and so on. */
static bool parse_word(char *word, struct control_peer *peer)
{
	char *value = strchr(word, '=');

	if (strcmp(word, "relay") == 0) {
		peer->relay = true;
		return true;
	}
	if (!value)
		return false;
	*value++ = '\0';
	if (strcmp(word, "endpoint") == 0)
		return parse_endpoint(value, &peer->endpoint);
	if (strcmp(word, "psk") == 0) {
		peer->has_preshared_key = true;
		return parse_hex(value, peer->preshared_key, CONTROL_KEY_SIZE);
	}
	if (strcmp(word, "keepalive") == 0)
		peer->keepalive_s = (uint32_t)atoi(value);
	else if (strcmp(word, "cipher") == 0)
		peer->cipher = parse_cipher(value);
	else if (strcmp(word, "macs") == 0)
		peer->mac_limit = (uint32_t)atoi(value);
	else if (strcmp(word, "storm") == 0)
		peer->storm_limit = (uint32_t)atoi(value);
	else if (strcmp(word, "name") == 0)
		snprintf(peer->name, sizeof(peer->name), "%s", value);
	else
		return false;
	return true;
}

static bool parse_peer(char *text, struct control_peer *peer)
{
	char *rest = NULL, *word = strtok_r(text, ",", &rest);

	*peer = (struct control_peer){0};
	if (!word || !parse_hex(word, peer->public_key, CONTROL_KEY_SIZE))
		return false;
	while ((word = strtok_r(NULL, ",", &rest)))
		if (!parse_word(word, peer))
			return false;
	return true;
}

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("cannot open the TAP");
	return fd;
}

/* Binds; returns the port in host order. */
static int open_socket(char *text)
{
	struct control_endpoint at = {0};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t size;
	int *fd;

	if (!parse_endpoint(text, &at))
		die("--listen ADDRESS:PORT");
	struct sockaddr *address = at.family == 4 ? (void *)&in : (void *)&in6;
	if (at.family == 4) {
		fd = &config.udp4_fd;
		size = sizeof(in);
		memcpy(&in.sin_addr, at.address, 4);
		in.sin_port = htons(at.port);
	} else {
		fd = &config.udp6_fd;
		size = sizeof(in6);
		memcpy(&in6.sin6_addr, at.address, 16);
		in6.sin6_port = htons(at.port);
	}
	*fd = socket(at.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, address, size) || getsockname(*fd, address, &size))
		die("cannot bind the socket");
	return ntohs(at.family == 4 ? in.sin_port : in6.sin6_port);
}

static json_t *drops_json(const uint64_t *drops)
{
	json_t *out = json_object();

	for (int i = 0; i < DROP_COUNT; i++)
		if (drops[i])
			json_object_set_new(out, drop_name(i), json_integer((json_int_t)drops[i]));
	return out;
}

static json_t *peer_json(const struct control_peer_status *peer)
{
	char key[65], address[INET6_ADDRSTRLEN] = "", endpoint[80];

	print_hex(key, peer->public_key, CONTROL_KEY_SIZE);
	inet_ntop(peer->endpoint.family == 6 ? AF_INET6 : AF_INET, peer->endpoint.address, address,
		  sizeof(address));
	snprintf(endpoint, sizeof(endpoint), peer->endpoint.family == 6 ? "[%s]:%u" : "%s:%u",
		 address, peer->endpoint.port);
	return json_pack("{s:s,s:s,s:b,s:s,s:I,s:s,s:i,s:i,s:I,s:I,s:I,s:I,s:I,s:i,s:o}", "name",
			 peer->name, "key", key, "connected", peer->connected, "cipher",
			 control_cipher_name(peer->cipher), "handshake-age-ms",
			 (json_int_t)peer->handshake_age_ms, "endpoint", endpoint, "path-mtu",
			 (int)peer->path_mtu, "macs", (int)peer->macs, "macs-refused",
			 (json_int_t)peer->macs_refused, "rx-bytes", (json_int_t)peer->rx_bytes,
			 "tx-bytes", (json_int_t)peer->tx_bytes, "rx-frames",
			 (json_int_t)peer->rx_frames, "tx-frames", (json_int_t)peer->tx_frames,
			 "lanes", (int)peer->lanes, "drops", drops_json(peer->drops));
}

static void print_status(int fd)
{
	static struct control_peer_status status[PEERS_MAX];
	struct control_tunnel_status tunnel;
	struct err err = {0};
	int n = control_read_status(fd, &tunnel, status, PEERS_MAX, &err);

	if (n < 0) {
		printf("error %s\n", err.message);
		return;
	}
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, peer_json(&status[i]));
	json_t *all = json_pack(
		"{s:{s:s,s:s,s:I,s:I,s:I,s:I,s:i,s:I,s:b,s:o},s:o}", "tunnel", "name", tunnel.name,
		"aead", tunnel.aead, "rx-bytes", (json_int_t)tunnel.rx_bytes, "tx-bytes",
		(json_int_t)tunnel.tx_bytes, "rx-frames", (json_int_t)tunnel.rx_frames, "tx-frames",
		(json_int_t)tunnel.tx_frames, "macs", (int)tunnel.macs, "mac-moves",
		(json_int_t)tunnel.mac_moves, "under-load", (int)tunnel.under_load, "drops",
		drops_json(tunnel.drops), "peers", list);
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

static void print_public(const char *hex)
{
	uint8_t key[KEY_SIZE];
	char text[65];
	struct err err = {0};
	struct crypto *crypto = crypto_new(&err);

	if (!crypto || !parse_hex(hex, key, KEY_SIZE)) {
		printf("error no key\n");
		return;
	}
	struct keypair *pair = keypair_new(crypto, key);
	print_hex(text, keypair_public(pair), KEY_SIZE);
	printf("%s\n", text);
	keypair_free(pair);
	crypto_free(crypto);
}

static void print_result(int rc, const struct err *err)
{
	if (rc)
		printf("error %s\n", err->message);
	else
		printf("ok\n");
}

static void obey(int fd, char *line)
{
	struct err err = {0};
	struct control_peer peer;
	char *rest = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	rest = rest ? rest + 1 : line + strlen(line);
	if (strncmp(line, "status", 6) == 0)
		print_status(fd);
	else if (strncmp(line, "public ", 7) == 0)
		print_public(rest);
	else if (strncmp(line, "peer ", 5) == 0 && parse_peer(rest, &peer))
		print_result(control_set_peer(fd, &peer, &err), &err);
	else if (strncmp(line, "remove ", 7) == 0 && parse_peer(rest, &peer))
		print_result(control_remove_peer(fd, peer.public_key, &err), &err);
	else
		printf("error what?\n");
	fflush(stdout);
}

static void open_lanes(uint32_t n)
{
	static struct control_lane lanes[CONTROL_LANES_MAX];
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

	if (n < 1 || n > CONTROL_LANES_MAX)
		die("--lanes 1 to 16");
	config.n_lanes = n;
	config.lanes = lanes;
	for (uint32_t i = 0; i + 1 < n; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)))
			die("cannot open a lane's socket");
		lanes[i] = (struct control_lane){-1, fd, -1};
	}
}

/* Returns the port. */
static int parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {{"key", 1, NULL, 'k'},	  {"listen", 1, NULL, 'l'},
						{"cipher", 1, NULL, 'c'}, {"mtu", 1, NULL, 'm'},
						{"frames", 1, NULL, 'f'}, {"tap", 1, NULL, 't'},
						{"peer", 1, NULL, 'p'},	  {"segment", 1, NULL, 's'},
						{"lanes", 1, NULL, 'n'},  {0}};
	int option, port = 0;
	char any[] = "127.0.0.1:0";

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'k' && !parse_hex(optarg, config.private_key, CONTROL_KEY_SIZE))
			die("--key needs 64 hex digits");
		else if (option == 'l')
			port = open_socket(optarg);
		else if (option == 'c')
			config.cipher = parse_cipher(optarg);
		else if (option == 'm')
			config.mtu = (uint32_t)atoi(optarg);
		else if (option == 's')
			config.segment = (uint32_t)strtoul(optarg, NULL, 0);
		else if (option == 'n')
			open_lanes((uint32_t)atoi(optarg));
		else if (option == 'f')
			config.tap_fd = atoi(optarg);
		else if (option == 't')
			config.tap_fd = open_tap(optarg);
		else if (option == 'p' && (config.n_peers == PEERS_MAX ||
					   !parse_peer(optarg, &peers[config.n_peers++])))
			die("--peer KEYHEX[,…]");
		else if (option == '?')
			die("see the top of tunnel_node.c");
	}
	if (config.udp4_fd < 0 && config.udp6_fd < 0)
		port = open_socket(any);
	return port;
}

int main(int argc, char **argv)
{
	int port = parse_arguments(argc, argv), fds[2], status = 0;
	char line[1024], key[65];
	struct control_tunnel_status tunnel;
	struct err err = {0};

	if (control_pair(fds, &err))
		die(err.message);
	pid_t child = fork();
	if (child == 0) {
		close(fds[0]);
		close(0);
		_exit(worker_run(fds[1], config.n_lanes ? (uint8_t)config.n_lanes : 1));
	}
	close(fds[1]);
	if (child < 0 || control_send_config(fds[0], &config, &err) ||
	    control_read_status(fds[0], &tunnel, NULL, 0, &err) < 0)
		die(err.message);
	/* The worker has its own copies; ours would keep a TAP or its stand-in open. */
	close(config.tap_fd);
	print_hex(key, tunnel.public_key, CONTROL_KEY_SIZE);
	printf("ready %s %d\n", key, port);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(fds[0], line);
	close(fds[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
