/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/io_tap.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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
}

int io_tap_read(struct io_tap *tap, struct frame *frame)
{
	uint8_t *start = tap->buffer + FRAME_HEADROOM;
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
		.gso_type = header.gso_type,
		.gso_size = header.gso_size,
	};
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		frame->csum_start = header.csum_start;
		frame->csum_offset = header.csum_offset;
	}
	return 1;
}

int io_tap_write(struct io_tap *tap, struct frame *frame)
{
	uint8_t *start = frame->data - tap->header_size;
	struct virtio_net_hdr header = {0};
	ssize_t n;

	if (tap->fd < 0)
		return -ENODEV;
	if (frame->csum_start) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = frame->csum_start;
		header.csum_offset = frame->csum_offset;
	}
	memset(start, 0, tap->header_size);
	memcpy(start, &header, sizeof(header));
	do {
		n = write(tap->fd, start, tap->header_size + frame->size); /* syscall: write */
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
