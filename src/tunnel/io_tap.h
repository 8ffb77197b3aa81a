/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own side's door: a queue of a TAP or TUN device with virtio_net headers (or, in tests, a
 * socket that keeps message boundaries and carries the same).
 */
#pragma once
#include <sys/uio.h>
#include "tunnel/frame.h"

#define TAP_READ_MAX 65550 /* a super-frame */
#define TAP_HEADER_MAX 12

#define TAP_PARTS_MAX 128
#define TAP_BUFFERS 32

struct io_tap {
	int fd;		      /* -1: none */
	enum frame_link link; /* its owner's to set: what it carries, TAP (0) or TUN */
	uint32_t header_size;
	bool tcp, udp; /* super-frames of these are read, and may be written */
	uint8_t buffers[TAP_BUFFERS]
		       [FRAME_HEADROOM + TAP_HEADER_MAX + TAP_READ_MAX + FRAME_TAILROOM];
};

/* Takes the descriptor over, and closes an older one. */
void io_tap_set(struct io_tap *tap, int fd);

/* 1: `frame` is in that buffer now; 0: there is none; -errno: the TAP is gone. */
int io_tap_read(struct io_tap *tap, uint32_t buffer, struct frame *frame);

/*
 * Writes a frame whose bytes are parts[0…n-1], of which `header_size` are headers (0: not known;
 * only super-frames need it). 0 or -errno.
 */
int io_tap_write(struct io_tap *tap, const struct frame *frame, const struct iovec *parts,
		 uint32_t n, uint32_t header_size);
