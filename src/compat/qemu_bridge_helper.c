/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu-bridge-helper: makes a TAP, plugs it into a bridge that the ACL allows the caller, and hands
 * it over. QEMU calls it for -netdev bridge,helper=; so does libvirt for plain users. It is the one
 * program of this binary that may stand in the file system with more power than its caller has
 * (set-user-ID root, or the file capability cap_net_admin); main.c lets no other run so. Then it
 * gives up all power but CAP_NET_ADMIN, and whom it is, before it reads anything: ACL files are
 * read as the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compat/bridge_acl.h"
#include "compat/compat.h"

#define ACL_FILE "/etc/qemu/bridge.conf"

struct helper {
	const char *bridge;
	int to; /* the socket to QEMU; -1: not said */
	bool vnet;
	int control, tap;
	struct ifreq request; /* of the TAP */
};

static int usage(void)
{
	fprintf(stderr, "Usage: qemu-bridge-helper [--use-vnet] --br=bridge --fd=unixfd\n");
	return 1;
}

__attribute__((format(printf, 1, 2))) static int failed(const char *format, ...)
{
	int code = errno;
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(code));
	return 1;
}

static bool words_read(struct helper *helper, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--use-vnet") == 0)
			helper->vnet = true;
		else if (strncmp(argv[i], "--br=", 5) == 0)
			helper->bridge = argv[i] + 5;
		else if (strncmp(argv[i], "--fd=", 5) == 0)
			helper->to = atoi(argv[i] + 5);
		else
			return false;
	}
	return helper->bridge && helper->to != -1;
}

/* Only where the file gave more than the caller has. */
static int power_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = 1U << CAP_NET_ADMIN, .permitted = 1U << CAP_NET_ADMIN},
	};

	if (!getauxval(AT_SECURE))
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(getgid(), getgid(), getgid()) ||
	    setresuid(getuid(), getuid(), getuid()) || syscall(SYS_capset, &header, data))
		return failed("failed to drop privileges");
	return 0;
}

static int access_check(const struct helper *helper)
{
	struct bridge_acl acl = {.bridge = helper->bridge};

	if (strlen(helper->bridge) >= IFNAMSIZ) {
		fprintf(stderr, "name `%s' too long: %zu\n", helper->bridge,
			strlen(helper->bridge));
		return 1;
	}
	if (!bridge_acl_read(&acl, ACL_FILE)) {
		fprintf(stderr, "failed to parse default acl file `%s'\n", ACL_FILE);
		return 1;
	}
	if (bridge_acl_allows(&acl))
		return 0;
	fprintf(stderr, "access denied by acl file\n");
	return 1;
}

static int tap_make(struct helper *helper)
{
	unsigned int features = 0;

	helper->control = socket(AF_INET, SOCK_STREAM, 0);
	if (helper->control < 0)
		return failed("failed to open control socket");
	helper->tap = open("/dev/net/tun", O_RDWR);
	if (helper->tap < 0)
		return failed("failed to open /dev/net/tun");
	helper->request = (struct ifreq){.ifr_name = "tap%d", .ifr_flags = IFF_TAP | IFF_NO_PI};
	if (helper->vnet && ioctl(helper->tap, TUNGETFEATURES, &features) == 0 &&
	    features & IFF_VNET_HDR)
		helper->request.ifr_flags |= IFF_VNET_HDR;
	if (ioctl(helper->tap, TUNSETIFF, &helper->request) < 0)
		return failed("failed to create tun device");
	return 0;
}

/* The bridge's MTU; and a MAC above all vendors', so that the bridge does not take it for its own.
 */
static int tap_fit(struct helper *helper)
{
	const char *tap = helper->request.ifr_name;
	struct ifreq mtu = {0}, mac = {0};

	strncpy(mtu.ifr_name, helper->bridge, sizeof(mtu.ifr_name) - 1);
	if (ioctl(helper->control, SIOCGIFMTU, &mtu) < 0)
		return failed("failed to get mtu of bridge `%s'", helper->bridge);
	memcpy(mtu.ifr_name, tap, sizeof(mtu.ifr_name));
	if (ioctl(helper->control, SIOCSIFMTU, &mtu) < 0)
		return failed("failed to set mtu of device `%s' to %d", tap, mtu.ifr_mtu);
	memcpy(mac.ifr_name, tap, sizeof(mac.ifr_name));
	if (ioctl(helper->control, SIOCGIFHWADDR, &mac) < 0)
		return failed("failed to get MAC address of device `%s'", tap);
	mac.ifr_hwaddr.sa_data[0] = (char)0xfe;
	if (ioctl(helper->control, SIOCSIFHWADDR, &mac) < 0)
		return failed("failed to set MAC address of device `%s'", tap);
	return 0;
}

static int tap_plug(struct helper *helper)
{
	const char *tap = helper->request.ifr_name;
	struct ifreq port = {.ifr_ifindex = (int)if_nametoindex(tap)}, up = {0};

	strncpy(port.ifr_name, helper->bridge, sizeof(port.ifr_name) - 1);
	if (ioctl(helper->control, SIOCBRADDIF, &port) < 0)
		return failed("failed to add interface `%s' to bridge `%s'", tap, helper->bridge);
	memcpy(up.ifr_name, tap, sizeof(up.ifr_name));
	if (ioctl(helper->control, SIOCGIFFLAGS, &up) < 0)
		return failed("failed to get interface flags for `%s'", tap);
	up.ifr_flags |= IFF_UP;
	if (ioctl(helper->control, SIOCSIFFLAGS, &up) < 0)
		return failed("failed to bring up interface `%s'", tap);
	return 0;
}

static int tap_hand(const struct helper *helper)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec byte = {.iov_base = "", .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t sent;

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &helper->tap, sizeof(int));
	do
		sent = sendmsg(helper->to, &message, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? failed("failed to write fd to unix socket") : 0;
}

int qemu_bridge_helper_main(int argc, char **argv)
{
	struct helper helper = {.to = -1};

	if (power_drop())
		return 1;
	if (!words_read(&helper, argc, argv))
		return usage();
	/* what is open by now goes with the process, and the TAP with it unless QEMU has it */
	return access_check(&helper) || tap_make(&helper) || tap_fit(&helper) ||
	       tap_plug(&helper) || tap_hand(&helper);
}
