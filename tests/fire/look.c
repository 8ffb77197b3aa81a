/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says of namespaces, as lines, quick enough for thousands of looks:
 *
 *	look PREFIX NAMESPACE...
 *
 * Each object is a line "x ..." with every byte that picture.py shows, and a line "b ..." without
 * what a new device gets anew (number, MAC); a sysctl or a namespace is one line "= ..." for both.
 * Two looks are compared, and picture.py is for people: it says what is different. So what is left
 * out here is left out there as well (its PASSING, VOLATILE of snapshot.py). PREFIX: namespaces
 * whose names begin so are named, with the type of what lies there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "look.h"

#define DEVICE_FLAGS (IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP)

/* An attribute's bytes; NULL: not there. */
static const unsigned char *find(const struct nlmsghdr *message, size_t header, unsigned int type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, header) if (mnl_attr_get_type(attr) ==
						     type) return mnl_attr_get_payload(attr);
	return NULL;
}

/* fe80::/10's and groups' own come and go with carriers. */
static bool follows_carrier(unsigned int family, const unsigned char *address)
{
	return family == AF_INET6 && address &&
	       ((address[0] == 0xfe && address[1] == 0x80) ||
		(address[0] == 0xff && address[1] == 0x00));
}

static int on_link(const struct nlmsghdr *message, void *space)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

	line_begin(space, "link");
	line_exact("number", (unsigned int)link->ifi_index);
	line_both("type", link->ifi_type);
	line_both("flags", link->ifi_flags & DEVICE_FLAGS);
	return line_end(message, sizeof(*link), look_link);
}

static int on_address(const struct nlmsghdr *message, void *space)
{
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);

	if (follows_carrier(address->ifa_family, find(message, sizeof(*address), IFA_ADDRESS)))
		return MNL_CB_OK;
	line_begin(space, "address");
	line_device(address->ifa_index);
	line_both("size", address->ifa_prefixlen);
	line_both("scope", address->ifa_scope);
	return line_end(message, sizeof(*address), look_address);
}

static int on_route(const struct nlmsghdr *message, void *space)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);

	if (route->rtm_flags & RTM_F_CLONED ||
	    follows_carrier(route->rtm_family, find(message, sizeof(*route), RTA_DST)))
		return MNL_CB_OK;
	line_begin(space, "route");
	line_both("family", route->rtm_family);
	line_both("to", route->rtm_dst_len);
	line_both("from", route->rtm_src_len);
	line_both("tos", route->rtm_tos);
	line_both("table", route->rtm_table);
	line_both("protocol", route->rtm_protocol);
	line_both("scope", route->rtm_scope);
	line_both("type", route->rtm_type);
	line_both("flags", route->rtm_flags & ~(unsigned int)(RTNH_F_DEAD | RTNH_F_LINKDOWN));
	return line_end(message, sizeof(*route), look_route);
}

static int on_rule(const struct nlmsghdr *message, void *space)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(message);

	line_begin(space, "rule");
	line_bytes(rule, sizeof(*rule));
	return line_end(message, sizeof(*rule), look_all);
}

/* Neighbours, proxies, and a bridge's entries: those that somebody made. */
static int on_neighbour(const struct nlmsghdr *message, void *space)
{
	const struct ndmsg *entry = mnl_nlmsg_get_payload(message);
	const unsigned char *mac = find(message, sizeof(*entry), NDA_LLADDR);
	bool bridge = entry->ndm_family == AF_BRIDGE;

	if (!(entry->ndm_flags & NTF_PROXY) && !(entry->ndm_state & NUD_PERMANENT) &&
	    !(bridge && (entry->ndm_state & NUD_NOARP || find(message, sizeof(*entry), NDA_DST))))
		return MNL_CB_OK;
	if (bridge && mac && (mac[0] & 1) && (mac[0] == 0x33 || mac[0] == 0x01))
		return MNL_CB_OK;
	line_begin(space, "neighbour");
	line_device((unsigned int)entry->ndm_ifindex);
	line_both("family", entry->ndm_family);
	line_both("state", entry->ndm_state);
	line_both("flags", entry->ndm_flags);
	line_both("type", entry->ndm_type);
	return line_end(message, sizeof(*entry), look_neighbour);
}

static int on_queue(const struct nlmsghdr *message, void *space)
{
	const struct tcmsg *queue = mnl_nlmsg_get_payload(message);
	const unsigned char *kind = find(message, sizeof(*queue), TCA_KIND);

	if (kind && strcmp((const char *)kind, "noqueue") == 0)
		return MNL_CB_OK;
	line_begin(space, "queue");
	line_device((unsigned int)queue->tcm_ifindex);
	line_both("handle", queue->tcm_handle);
	line_both("parent", queue->tcm_parent);
	return line_end(message, sizeof(*queue), look_queue);
}

/* Whatever changes the rules counts this up. */
static int on_generation(const struct nlmsghdr *message, void *space)
{
	const unsigned char *number = find(message, sizeof(struct nfgenmsg), NFTA_GEN_ID);

	if (number)
		printf("= %s nft %02x%02x%02x%02x\n", (const char *)space, number[0], number[1],
		       number[2], number[3]);
	return MNL_CB_STOP;
}

/* Asks, and hands each answer on. A kernel without that table has nothing in it. */
static void ask(struct mnl_socket *socket, const char *space, struct nlmsghdr *message,
		mnl_cb_t each)
{
	static char bytes[64 * 1024];
	static unsigned int seq;
	ssize_t got;
	int more = MNL_CB_OK;

	message->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		look_die("send");
	while (more > MNL_CB_STOP && (got = mnl_socket_recvfrom(socket, bytes, sizeof(bytes))) > 0)
		more = mnl_cb_run(bytes, (size_t)got, seq, 0, each, (char *)(uintptr_t)space);
	if (more < 0 && errno == EINTR)
		printf("= %s changed while it was read\n", space);
}

static struct nlmsghdr *request(unsigned int type, size_t header, unsigned int family)
{
	static char bytes[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	unsigned char *body;

	message->nlmsg_type = (uint16_t)type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	body = mnl_nlmsg_put_extra_header(message, header);
	memset(body, 0, header);
	body[0] = (unsigned char)family;
	return message;
}

static void ask_links(struct mnl_socket *socket, const char *space)
{
	struct nlmsghdr *message = request(RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC);

	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
	ask(socket, space, message, on_link);
}

static void ask_proxies(struct mnl_socket *socket, const char *space, unsigned int family)
{
	struct nlmsghdr *message = request(RTM_GETNEIGH, sizeof(struct ndmsg), family);

	((struct ndmsg *)mnl_nlmsg_get_payload(message))->ndm_flags = NTF_PROXY;
	ask(socket, space, message, on_neighbour);
}

static struct mnl_socket *open_socket(int bus)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		look_die("socket");
	return socket;
}

static void netlink_look(const char *space)
{
	static const unsigned char families[] = {AF_INET, AF_INET6};
	struct mnl_socket *socket = open_socket(NETLINK_ROUTE);
	struct nlmsghdr *message;

	ask_links(socket, space);
	ask(socket, space, request(RTM_GETADDR, sizeof(struct ifaddrmsg), AF_UNSPEC), on_address);
	for (size_t i = 0; i < sizeof(families); i++) {
		ask(socket, space, request(RTM_GETROUTE, sizeof(struct rtmsg), families[i]),
		    on_route);
		ask(socket, space, request(RTM_GETRULE, sizeof(struct fib_rule_hdr), families[i]),
		    on_rule);
		ask(socket, space, request(RTM_GETNEIGH, sizeof(struct ndmsg), families[i]),
		    on_neighbour);
		ask_proxies(socket, space, families[i]);
	}
	ask(socket, space, request(RTM_GETNEIGH, sizeof(struct ndmsg), AF_BRIDGE), on_neighbour);
	ask(socket, space, request(RTM_GETQDISC, sizeof(struct tcmsg), AF_UNSPEC), on_queue);
	mnl_socket_close(socket);
	socket = open_socket(NETLINK_NETFILTER);
	message = request(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, sizeof(struct nfgenmsg),
			  AF_UNSPEC);
	message->nlmsg_flags = NLM_F_REQUEST;
	ask(socket, space, message, on_generation);
	mnl_socket_close(socket);
}

/* Does the kernel itself move this one? As in snapshot.py. */
static bool runs_by_itself(const char *path)
{
	static const char *const parts[] = {
		"nf_conntrack_count", "route/gc_", "/tcp_mem",	       "/udp_mem", "/mptcp_",
		"stable_secret",      "/flush",	   "tcp_fastopen_key", "random",   "nf_log/"};
	const char *name = strrchr(path, '/');

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(path, parts[i]))
			return true;
	return strstr(path, "ipv6/neigh/") &&
	       (strcmp(name, "/base_reachable") == 0 || strcmp(name, "/retrans_time") == 0);
}

static void sysctl_look(const char *space, int folder, const char *path)
{
	char value[4096], inner[512];
	const struct dirent *entry;
	DIR *list = fdopendir(folder);
	ssize_t got;
	int fd;

	while (list && (entry = readdir(list))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%.200s/%.200s", path, entry->d_name);
		fd = runs_by_itself(inner)
			     ? -1
			     : openat(dirfd(list), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && entry->d_type == DT_DIR) {
			sysctl_look(space, fd, inner);
			continue;
		}
		got = fd < 0 ? -1 : read(fd, value, sizeof(value));
		for (ssize_t i = 0; i < got; i++)
			value[i] = value[i] == '\n' ? ' ' : value[i];
		if (got >= 0)
			printf("= %s %s=%.*s\n", space, inner, (int)got, value);
		if (fd >= 0)
			close(fd);
	}
	if (list)
		closedir(list);
}

static void space_look(const char *space)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", space);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
		printf("= %s cannot be entered: %s\n", space, strerror(errno));
		return;
	}
	close(fd);
	netlink_look(space);
	sysctl_look(space, open("/proc/sys/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "");
}

static void names_look(const char *prefix)
{
	DIR *list = opendir("/run/netns");
	const struct dirent *entry;
	struct statfs what;

	while (list && (entry = readdir(list))) {
		char path[300];

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), "/run/netns/%.250s", entry->d_name);
		printf("= namespace %s %lx\n", entry->d_name,
		       statfs(path, &what) < 0 ? 0UL : (unsigned long)what.f_type);
	}
	if (list)
		closedir(list);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		look_die("usage: look PREFIX NAMESPACE...");
	names_look(argv[1]);
	for (int i = 2; i < argc; i++)
		space_look(argv[i]);
	return 0;
}
