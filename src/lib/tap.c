/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door to TUN and TAP for other programs. With offloads each packet has a virtio_net header
 * before it (struct virtio_net_hdr of linux/virtio_net.h, native byte order as TUN has it by
 * default), which is taken off and put on here.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "sys/netns.h"
#include "sys/tun.h"

/* Kernels since 6.2; headers may be older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4 */

struct loom_tap {
	int fd;
	unsigned int offloads;
};

struct opening {
	const char *name;
	uint16_t flags;
	int fd;
};

/* Nothing tells from outside what a device is but trying; only one of these fits. */
static int attach(void *data, struct err *err)
{
	static const uint16_t sorts[] = {IFF_TAP, IFF_TAP | IFF_MULTI_QUEUE, IFF_TUN,
					 IFF_TUN | IFF_MULTI_QUEUE};
	struct opening *opening = data;
	int r = -EINVAL;

	for (size_t i = 0; r == -EINVAL && i < sizeof(sorts) / sizeof(sorts[0]); i++)
		r = tun_attach(opening->name, sorts[i] | opening->flags, &opening->fd, err);
	if (r == -EINVAL)
		return err_set(err, r, "is no TAP or TUN; expected one of these");
	if (r == -ENODEV)
		err_hint(err, "lanloom add tap %s", opening->name);
	if (r == -EPERM)
		err_hint(err, "lanloom set %s owner=USER", opening->name);
	return r;
}

static int attach_named(struct opening *opening, const char *device, struct err *err)
{
	const char *slash = strrchr(device, '/');
	int ns FD_CLEANUP = -1;
	struct arena arena;
	int r;

	if (!slash || slash == device) {
		opening->name = slash ? slash + 1 : device;
		return attach(opening, err);
	}
	arena_init(&arena);
	opening->name = slash + 1;
	r = netns_open(arena_textn(&arena, device, (size_t)(slash - device)), &ns, err);
	if (!r)
		r = netns_inside(ns, attach, opening, err);
	arena_fini(&arena);
	return r;
}

/* The most of what was asked for that this kernel has. */
static unsigned int offloads_set(int fd, unsigned int asked)
{
	unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	if (asked & LOOM_TAP_SUPER &&
	    (ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0 ||
	     ioctl(fd, TUNSETOFFLOAD, tcp) == 0))
		return LOOM_TAP_SUPER | LOOM_TAP_CHECKSUM;
	if (asked && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0)
		return LOOM_TAP_CHECKSUM;
	/* whoever had it open before may have left its own */
	ioctl(fd, TUNSETOFFLOAD, 0);
	return 0;
}

static int header_size_set(int fd, struct err *err)
{
	int size = sizeof(struct virtio_net_hdr);

	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return err_errno(err, -errno, "set the size of packets' headers");
	return 0;
}

static int tap_open(const char *device, unsigned int offloads, struct loom_tap **tap,
		    struct err *err)
{
	struct opening opening = {.flags = IFF_NO_PI, .fd = -1};
	int fd FD_CLEANUP = -1;
	int r;

	if (offloads & ~(unsigned int)(LOOM_TAP_CHECKSUM | LOOM_TAP_SUPER))
		return err_set(err, -EINVAL, "there are no such offloads");
	if (offloads)
		opening.flags |= IFF_VNET_HDR;
	r = attach_named(&opening, device, err);
	fd = opening.fd;
	if (!r && offloads)
		r = header_size_set(fd, err);
	if (r)
		return r;
	*tap = malloc(sizeof(**tap));
	if (!*tap)
		return err_set(err, -ENOMEM, "memory is out");
	**tap = (struct loom_tap){.offloads = offloads};
	offloads_set(fd, offloads);
	(*tap)->fd = fd_take(&fd);
	return 0;
}

enum loom_status loom_tap_open(struct loom *loom, const char *device, unsigned int offloads,
			       struct loom_tap **tap, struct loom_doc **doc)
{
	struct answer answer;
	struct err err = {0};

	(void)loom;
	*tap = NULL;
	answer_init(&answer);
	if (tap_open(device, offloads, tap, &err)) {
		err_at(&err, device, (struct place){0});
		answer_fail(&answer, &err);
	}
	return answer_end(&answer, doc);
}

int loom_tap_fd(const struct loom_tap *tap)
{
	return tap->fd;
}

static enum loom_super super_of(uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return LOOM_TCP4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return LOOM_TCP6;
	case GSO_UDP_L4:
		return LOOM_UDP;
	default:
		return LOOM_WHOLE;
	}
}

static void header_take(const struct virtio_net_hdr *header, struct loom_packet *packet)
{
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		packet->checksum_start = header->csum_start;
		packet->checksum_offset = header->csum_offset;
	}
	packet->super = super_of(header->gso_type);
	if (packet->super == LOOM_WHOLE)
		return;
	packet->segment = header->gso_size;
	packet->headers = header->hdr_len;
}

int loom_tap_read(struct loom_tap *tap, void *room, size_t size, struct loom_packet *packet)
{
	struct virtio_net_hdr header = {0};
	size_t before = tap->offloads ? sizeof(header) : 0;
	char more; /* what does not fit shows here */
	struct iovec parts[] = {{&header, before}, {room, size}, {&more, 1}};
	ssize_t got;

	do
		got = readv(tap->fd, parts, 3);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	if ((size_t)got < before)
		return -EIO;
	if ((size_t)got - before > size)
		return -EMSGSIZE;
	*packet = (struct loom_packet){.bytes = room, .size = (size_t)got - before};
	header_take(&header, packet);
	return 1;
}

static int header_make(const struct loom_tap *tap, const struct loom_packet *packet,
		       struct virtio_net_hdr *header)
{
	static const uint8_t types[] = {
		[LOOM_WHOLE] = VIRTIO_NET_HDR_GSO_NONE,
		[LOOM_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[LOOM_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[LOOM_UDP] = GSO_UDP_L4,
	};

	if ((unsigned int)packet->super > LOOM_UDP || packet->segment > UINT16_MAX ||
	    packet->headers > UINT16_MAX || packet->checksum_start > UINT16_MAX ||
	    packet->checksum_offset > UINT16_MAX)
		return -EINVAL;
	if (!tap->offloads && (packet->super != LOOM_WHOLE || packet->checksum_start))
		return -EINVAL;
	*header = (struct virtio_net_hdr){.gso_type = types[packet->super]};
	if (packet->super != LOOM_WHOLE) {
		header->gso_size = (uint16_t)packet->segment;
		header->hdr_len = (uint16_t)packet->headers;
	}
	if (packet->checksum_start) {
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = (uint16_t)packet->checksum_start;
		header->csum_offset = (uint16_t)packet->checksum_offset;
	}
	return 0;
}

int loom_tap_write(struct loom_tap *tap, const struct loom_packet *packet)
{
	struct virtio_net_hdr header;
	size_t before = tap->offloads ? sizeof(header) : 0;
	struct iovec parts[] = {{&header, before}, {packet->bytes, packet->size}};
	ssize_t sent;
	int r = header_make(tap, packet, &header);

	if (r)
		return r;
	do
		sent = writev(tap->fd, parts, 2);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

void loom_tap_close(struct loom_tap *tap)
{
	if (!tap)
		return;
	close(tap->fd);
	free(tap);
}
