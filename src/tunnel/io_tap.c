/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/io_tap.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Kernels since 6.2; headers may be older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Older kernels know no USO; what stands in for a TAP in tests knows nothing. */
static void take_offloads(struct io_tap *tap)
{
	unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	/* syscall: ioctl(1 = TUNSETOFFLOAD) */
	tap->udp = ioctl(tap->fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;
	tap->tcp = tap->udp || ioctl(tap->fd, TUNSETOFFLOAD, tcp) == 0;
}

void io_tap_set(struct io_tap *tap, int fd)
{
	int size;

	if (tap->fd >= 0)
		close(tap->fd); /* syscall: close */
	tap->fd = fd;
	if (fd < 0)
		return;
	/* syscall: fcntl(1 = F_GETFL), fcntl(1 = F_SETFL), ioctl(1 = TUNGETVNETHDRSZ) */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	tap->header_size = sizeof(struct virtio_net_hdr);
	if (ioctl(fd, TUNGETVNETHDRSZ, &size) == 0 && size == TAP_HEADER_MAX)
		tap->header_size = TAP_HEADER_MAX;
	take_offloads(tap);
}

int io_tap_read(struct io_tap *tap, uint32_t buffer, struct frame *frame)
{
	uint8_t *start = tap->buffers[buffer] + FRAME_HEADROOM;
	struct virtio_net_hdr header;
	ssize_t n;

	do {
		n = read(tap->fd, start, tap->header_size + TAP_READ_MAX); /* syscall: read */
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	memset(&header, 0, sizeof(header));
	if ((size_t)n >= tap->header_size)
		memcpy(&header, start, sizeof(header));
	*frame = (struct frame){
		.data = start + tap->header_size,
		.size = (size_t)n > tap->header_size ? (uint32_t)n - tap->header_size : 0,
		.link = tap->link,
		.gso_type = header.gso_type,
		.gso_size = header.gso_size,
	};
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		frame->csum_start = header.csum_start;
		frame->csum_offset = header.csum_offset;
	}
	return 1;
}

int io_tap_write(struct io_tap *tap, const struct frame *frame, const struct iovec *parts,
		 uint32_t n, uint32_t header_size)
{
	union {
		struct virtio_net_hdr header;
		uint8_t bytes[TAP_HEADER_MAX];
	} head = {0};
	struct iovec all[1 + TAP_PARTS_MAX];
	ssize_t written;

	if (tap->fd < 0)
		return -ENODEV;
	if (frame->csum_start) {
		head.header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		head.header.csum_start = frame->csum_start;
		head.header.csum_offset = frame->csum_offset;
	}
	if (frame->gso_type != GSO_NONE) {
		head.header.gso_type = frame->gso_type;
		head.header.gso_size = frame->gso_size;
		head.header.hdr_len = (uint16_t)header_size;
	}
	all[0] = (struct iovec){&head, tap->header_size};
	memcpy(all + 1, parts, n * sizeof(*parts));
	do {
		written = writev(tap->fd, all, (int)n + 1); /* syscall: writev */
	} while (written < 0 && errno == EINTR);
	return written < 0 ? -errno : 0;
}
