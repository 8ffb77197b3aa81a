/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value types that some kinds of devices have in messages and nobody else: numbers in network
 * order, bits, truths told by an attribute's being there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <stdio.h>
#include <string.h>

#include "model/kind.h"

static int port_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	return vtype_u16.parse(field, text, arena, value, err);
}

static void port_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%u", *(const uint16_t *)value);
}

static int port_put(const struct field *field, const void *value, const struct link_names *names,
		    struct nlmsghdr *message)
{
	mnl_attr_put_u16(message, field->attr, htons(*(const uint16_t *)value));
	return 0;
}

static int port_get(const struct field *field, const struct nlattr *attr,
		    const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint16_t))
		return -EPROTO;
	*(uint16_t *)value = ntohs(mnl_attr_get_u16(attr));
	return 0;
}

const struct vtype vtype_port = {
	.name = "number",
	.example = "4789",
	.size = 2,
	.shape = SHAPE_NUMBER,
	.parse = port_parse,
	.print = port_print,
	.put = port_put,
	.get = port_get,
};

static int be32_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	return vtype_u32.parse(field, text, arena, value, err);
}

static void be32_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%u", *(const uint32_t *)value);
}

static int be32_put(const struct field *field, const void *value, const struct link_names *names,
		    struct nlmsghdr *message)
{
	mnl_attr_put_u32(message, field->attr, htonl(*(const uint32_t *)value));
	return 0;
}

static int be32_get(const struct field *field, const struct nlattr *attr,
		    const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint32_t))
		return -EPROTO;
	*(uint32_t *)value = ntohl(mnl_attr_get_u32(attr));
	return 0;
}

const struct vtype vtype_be32 = {
	.name = "number",
	.example = "1",
	.size = 4,
	.shape = SHAPE_NUMBER,
	.parse = be32_parse,
	.print = be32_print,
	.put = be32_put,
	.get = be32_get,
};

static int ports_read(const char *text, uint16_t ports[2])
{
	const char *dash = strpbrk(text, "- ,");
	int64_t low, high;
	char first[8];

	if (!dash || dash - text >= (int)sizeof(first))
		return -EINVAL;
	snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	if (text_number(first, 0, 65535, &low) || text_number(dash + 1, 0, 65535, &high) ||
	    low > high)
		return -EINVAL;
	ports[0] = (uint16_t)low;
	ports[1] = (uint16_t)high;
	return 0;
}

static int ports_parse(const struct field *field, const char *text, struct arena *arena,
		       void *value, struct err *err)
{
	uint16_t ports[2];

	if (ports_read(text, ports))
		return err_set(
			err, -EINVAL,
			"%s \"%.60s\" is not a range of ports; expected two, as [32768, 60999]",
			field->key, text);
	*(const char **)value = arena_print(arena, "%u %u", ports[0], ports[1]);
	return 0;
}

static void ports_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", *(const char *const *)value);
}

/* struct ifla_vxlan_port_range: both in network order. */
static int ports_put(const struct field *field, const void *value, const struct link_names *names,
		     struct nlmsghdr *message)
{
	uint16_t ports[2] = {0};

	ports_read(*(const char *const *)value, ports);
	ports[0] = htons(ports[0]);
	ports[1] = htons(ports[1]);
	mnl_attr_put(message, field->attr, sizeof(ports), ports);
	return 0;
}

static int ports_get(const struct field *field, const struct nlattr *attr,
		     const struct link_names *names, struct arena *arena, void *value)
{
	uint16_t ports[2];

	if (mnl_attr_get_payload_len(attr) != sizeof(ports))
		return -EPROTO;
	memcpy(ports, mnl_attr_get_payload(attr), sizeof(ports));
	if (ntohs(ports[0]) > ntohs(ports[1]))
		return -EPROTO;
	*(const char **)value = arena_print(arena, "%u %u", ntohs(ports[0]), ntohs(ports[1]));
	return 0;
}

const struct vtype vtype_ports = {
	.name = "two ports",
	.example = "32768 60999",
	.size = sizeof(char *),
	.text = true,
	.list = true,
	.shape = SHAPE_NUMBER,
	.parse = ports_parse,
	.print = ports_print,
	.put = ports_put,
	.get = ports_get,
};

static int truth_parse(const struct field *field, const char *text, struct arena *arena,
		       void *value, struct err *err)
{
	return vtype_bool.parse(field, text, arena, value, err);
}

static void truth_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", *(const uint8_t *)value ? "true" : "false");
}

static int bit16_put(const struct field *field, const void *value, const struct link_names *names,
		     struct nlmsghdr *message)
{
	mnl_attr_put_u16(message, field->attr, *(const uint8_t *)value ? (uint16_t)field->min : 0);
	return 0;
}

static int bit16_get(const struct field *field, const struct nlattr *attr,
		     const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint16_t))
		return -EPROTO;
	*(uint8_t *)value = (mnl_attr_get_u16(attr) & field->min) != 0;
	return 0;
}

const struct vtype vtype_bit16 = {
	.name = "true|false",
	.example = "true",
	.size = 1,
	.shape = SHAPE_BOOL,
	.parse = truth_parse,
	.print = truth_print,
	.put = bit16_put,
	.get = bit16_get,
};

static int bit_be16_put(const struct field *field, const void *value,
			const struct link_names *names, struct nlmsghdr *message)
{
	mnl_attr_put_u16(message, field->attr,
			 *(const uint8_t *)value ? htons((uint16_t)field->min) : 0);
	return 0;
}

static int bit_be16_get(const struct field *field, const struct nlattr *attr,
			const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint16_t))
		return -EPROTO;
	*(uint8_t *)value = (ntohs(mnl_attr_get_u16(attr)) & field->min) != 0;
	return 0;
}

const struct vtype vtype_bit_be16 = {
	.name = "true|false",
	.example = "true",
	.size = 1,
	.shape = SHAPE_BOOL,
	.parse = truth_parse,
	.print = truth_print,
	.put = bit_be16_put,
	.get = bit_be16_get,
};

/* IFLA_GRE_IKEY and OKEY; the flags' attribute stands two before each (linux/if_tunnel.h). */
static int gre_key_put(const struct field *field, const void *value, const struct link_names *names,
		       struct nlmsghdr *message)
{
	uint32_t key = *(const uint32_t *)value;

	mnl_attr_put_u32(message, field->attr, htonl(key));
	mnl_attr_put_u16(message, field->attr - 2, key ? GRE_KEY : 0);
	return 0;
}

const struct vtype vtype_gre_key = {
	.name = "number",
	.example = "1",
	.size = 4,
	.shape = SHAPE_NUMBER,
	.parse = be32_parse,
	.print = be32_print,
	.put = gre_key_put,
	.get = be32_get,
};

static int presence_put(const struct field *field, const void *value,
			const struct link_names *names, struct nlmsghdr *message)
{
	if (*(const uint8_t *)value)
		mnl_attr_put(message, field->attr, 0, NULL);
	return 0;
}

static int presence_get(const struct field *field, const struct nlattr *attr,
			const struct link_names *names, struct arena *arena, void *value)
{
	/* some say it with a byte (IFLA_VXLAN_TTL_INHERIT) */
	*(uint8_t *)value = attr && (mnl_attr_get_payload_len(attr) == 0 ||
				     *(const uint8_t *)mnl_attr_get_payload(attr) != 0);
	return 0;
}

const struct vtype vtype_presence = {
	.name = "true|false",
	.example = "true",
	.size = 1,
	.shape = SHAPE_BOOL,
	.presence = true,
	.parse = truth_parse,
	.print = truth_print,
	.put = presence_put,
	.get = presence_get,
};

static int byte_put(const struct field *field, const void *value, const struct link_names *names,
		    struct nlmsghdr *message)
{
	mnl_attr_put_u8(message, field->attr, *(const uint8_t *)value);
	return 0;
}

const struct vtype vtype_mute_bool = {
	.name = "true|false",
	.example = "true",
	.size = 1,
	.shape = SHAPE_BOOL,
	.presence = true,
	.parse = truth_parse,
	.print = truth_print,
	.put = byte_put,
	.get = presence_get,
};
