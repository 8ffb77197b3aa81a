/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeper and worker say to each other, over a pair of SOCK_SEQPACKET sockets.
 *
 * The keeper asks, the worker answers; the worker never speaks first. Both are one program, so
 * messages are C structs of fixed size, but neither believes the other: sizes, types and strings
 * are checked. The worker ends when the keeper's socket closes.
 *
 *	int fds[2];
 *	control_pair(fds, err);
 *	fork; the child: close(fds[0]); _exit(worker_run(fds[1], 1)); the parent: close(fds[1]);
 *	control_send_config(fds[0], &config, err);	as often as the configuration changes
 *	control_read_status(fds[0], &tunnel, …, err);
 *
 * Every request waits for its answer, at most CONTROL_TIMEOUT_MS; after an error other than
 * -EINVAL (refused: nothing has changed) the worker is not to be trusted any more: kill it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "tunnel/drop.h"

#define CONTROL_TIMEOUT_MS 5000
#define CONTROL_KEY_SIZE 32
#define CONTROL_NAME_SIZE 64 /* with the terminating zero */
#define CONTROL_LANES_MAX 16

/* Which suites are accepted; AUTO takes both and sends the one this CPU does faster. */
enum control_cipher {
	CONTROL_CIPHER_INHERIT, /* of a peer: as the tunnel has it; of a tunnel: as AUTO */
	CONTROL_CIPHER_AUTO,
	CONTROL_CIPHER_AES256GCM,
	CONTROL_CIPHER_CHACHA20POLY1305,
	CONTROL_CIPHER_COUNT
};

/* The word of the description: "auto", "aes256gcm", "chacha20poly1305"; "" for INHERIT. */
const char *control_cipher_name(enum control_cipher cipher);

/* An IP address and UDP port. family 0: none. */
struct control_endpoint {
	uint8_t family;	     /* 0, 4 or 6 */
	uint8_t address[16]; /* network order; IPv4 in the first four */
	uint16_t port;	     /* host order */
	uint32_t scope;	     /* interface index of a link-local IPv6 address, else 0 */
};

struct control_peer {
	char name[CONTROL_NAME_SIZE];	      /* for people; may be empty */
	uint8_t public_key[CONTROL_KEY_SIZE]; /* who the peer is: one peer per key */
	bool has_preshared_key;
	uint8_t preshared_key[CONTROL_KEY_SIZE];
	enum control_cipher cipher;
	struct control_endpoint endpoint; /* configured one; a peer with it is kept connected */
	uint32_t keepalive_s;		  /* 0: none */
	bool relay;			  /* pass frames between this peer and the others */
	uint32_t mac_limit;		  /* addresses learned behind it; 0: 4096 */
	uint32_t storm_limit;		  /* group frames per second from it; 0: 10000 */
};

/* What a lane from the second on has of its own: as in the configuration below. */
struct control_lane {
	int tap_fd, udp4_fd, udp6_fd;
};

struct control_config {
	char name[CONTROL_NAME_SIZE]; /* the tunnel's, for messages */
	uint8_t private_key[CONTROL_KEY_SIZE];
	enum control_cipher cipher;
	uint32_t mtu;	  /* of the TAP: 68…16000; frames may be 22 bytes more */
	uint32_t segment; /* virtual LAN id; 0 unless configured */
	/*
	 * Descriptors the worker gets a copy of; the caller keeps and closes its own. -1: the
	 * worker keeps what it has, so a change of peers sends none, and a TAP opened anew sends
	 * only that. tap: a queue opened with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR. udp4: an AF_INET
	 * UDP socket, bound. udp6: an AF_INET6 one, bound, either IPV6_V6ONLY beside udp4, or
	 * dual-stack and alone. The worker makes them non-blocking and sets their options. The
	 * first configuration needs a TAP and at least one socket.
	 */
	int tap_fd, udp4_fd, udp6_fd;
	/*
	 * At most as many as the worker was opened with; 0: 1. `lanes` has n_lanes - 1 of them;
	 * NULL: the worker keeps what it has. Their TAP queues are of the same device, made with
	 * IFF_MULTI_QUEUE; their sockets have any port.
	 */
	uint32_t n_lanes;
	const struct control_lane *lanes;
	const struct control_peer *peers;
	size_t n_peers;
};

/* Totals of the tunnel. */
struct control_tunnel_status {
	char name[CONTROL_NAME_SIZE];
	uint8_t public_key[CONTROL_KEY_SIZE];
	uint64_t rx_bytes, tx_bytes;   /* UDP payload from and to peers, all messages */
	uint64_t rx_frames, tx_frames; /* Ethernet frames to and from the TAP */
	uint64_t drops[DROP_COUNT];    /* of all peers, and those that belong to none */
	uint64_t mac_moves;	       /* addresses that moved; fast ones are drops "mac-hold" */
	uint32_t macs;		       /* learned now, local ones included */
	uint32_t n_peers;
	uint32_t under_load; /* 1: cookies are demanded now */
	uint32_t lanes;
	char aead[CONTROL_NAME_SIZE]; /* what does the ciphers, for people */
};

struct control_peer_status {
	char name[CONTROL_NAME_SIZE];
	uint8_t public_key[CONTROL_KEY_SIZE];
	bool connected;
	enum control_cipher cipher;	  /* of the current session; INHERIT: none */
	int64_t handshake_age_ms;	  /* since the last complete one; -1: never */
	struct control_endpoint endpoint; /* in use now: learned or configured */
	uint32_t path_mtu;		  /* size of IP packets; 0: no session yet */
	uint32_t lanes;			  /* in use with it now; 0: no session */
	uint32_t macs;			  /* learned behind it */
	uint64_t macs_refused;		  /* frames whose source was over mac_limit */
	uint64_t rx_bytes, tx_bytes;
	uint64_t rx_frames, tx_frames;
	uint64_t drops[DROP_COUNT];
};

/* The two ends: fds[0] the keeper's, fds[1] the worker's; close-on-exec. 0 or -errno. */
int control_pair(int fds[2], struct err *err);

/*
 * Makes the worker's configuration equal to `config`: peers not named are removed, sessions of
 * peers whose keys are unchanged go on undisturbed. -EINVAL: refused as a whole. The caller owns
 * and wipes `config`; copies made on the way are wiped.
 */
int control_send_config(int fd, const struct control_config *config, struct err *err);

/* Adds the peer, or changes the one with that public key, and no other. */
int control_set_peer(int fd, const struct control_peer *peer, struct err *err);

/* Removes the peer; -ENOENT if there is none with that key. */
int control_remove_peer(int fd, const uint8_t public_key[CONTROL_KEY_SIZE], struct err *err);

/* Hands over a lane's TAP queue, opened anew; the old one is closed by the worker. */
int control_send_tap(int fd, uint32_t lane, int tap_fd, struct err *err);

/*
 * Asks how the tunnel is. Fills *tunnel, and peers[0…] in the order of their public keys up to
 * `len`; returns the number of peers filled, or -errno. tunnel->n_peers says how many there are.
 */
int control_read_status(int fd, struct control_tunnel_status *tunnel,
			struct control_peer_status *peers, size_t len, struct err *err);
