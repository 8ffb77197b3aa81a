/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Value types that are addresses: MAC, IP, prefix and route target. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

#include "model/kind.h"

static int mac_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		     struct err *err)
{
	struct mac mac;
	int used = 0;

	/* by its letters first: what reads numbers takes signs, space and 0X as well */
	if (strlen(text) != 17 || text[strspn(text, "0123456789abcdefABCDEF:")] ||
	    sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac.bytes[0], &mac.bytes[1],
		   &mac.bytes[2], &mac.bytes[3], &mac.bytes[4], &mac.bytes[5], &used) != 6 ||
	    used != 17)
		return err_set(
			err, -EINVAL,
			"%s \"%.60s\" is not a MAC address; expected six pairs of hex digits, as "
			"02:00:00:00:00:01",
			field->key, text);
	if (mac.bytes[0] & 1 && !(field->flags & FIELD_ANY))
		return err_set(err, -EINVAL,
			       "%s %s is a group address; expected an even first byte, as "
			       "02:00:00:00:00:01",
			       field->key, text);
	if (memcmp(mac.bytes, (uint8_t[6]){0}, 6) == 0 && !(field->flags & FIELD_ANY))
		return err_set(err, -EINVAL,
			       "%s is all zero; expected a real address, as 02:00:00:00:00:01",
			       field->key);
	*(struct mac *)value = mac;
	return 0;
}

static void mac_print(const struct field *field, const void *value, struct text *out)
{
	const uint8_t *b = ((const struct mac *)value)->bytes;

	text_add(out, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static int bytes_put(const struct field *field, const void *value, const struct link_names *names,
		     struct nlmsghdr *message)
{
	mnl_attr_put(message, field->attr, field->type->size, value);
	return 0;
}

static int mac_get(const struct field *field, const struct nlattr *attr,
		   const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(struct mac))
		return -EPROTO;
	memcpy(value, mnl_attr_get_payload(attr), sizeof(struct mac));
	return 0;
}

const struct vtype vtype_mac = {
	.name = "MAC address",
	.example = "02:00:00:00:00:01",
	.size = sizeof(struct mac),
	.parse = mac_parse,
	.print = mac_print,
	.put = bytes_put,
	.get = mac_get,
};

static int any_mac_parse(const struct field *field, const char *text, struct arena *arena,
			 void *value, struct err *err)
{
	return mac_parse(&(struct field){.key = field->key, .flags = FIELD_ANY}, text, arena, value,
			 err);
}

const struct vtype vtype_any_mac = {
	.name = "MAC address",
	.example = "02:00:00:00:00:01",
	.size = sizeof(struct mac),
	.parse = any_mac_parse,
	.print = mac_print,
	.put = bytes_put,
	.get = mac_get,
};

static int group_mac_parse(const struct field *field, const char *text, struct arena *arena,
			   void *value, struct err *err)
{
	static const uint8_t head[] = {0x01, 0x80, 0xc2, 0x00, 0x00};
	struct field any = {.key = field->key, .flags = FIELD_ANY};
	struct mac mac;
	int r = mac_parse(&any, text, arena, &mac, err);

	if (!r && !(field->flags & FIELD_ANY) &&
	    (memcmp(mac.bytes, head, sizeof(head)) != 0 || mac.bytes[5] > 15 ||
	     (mac.bytes[5] >= 1 && mac.bytes[5] <= 3)))
		r = err_set(err, -EINVAL,
			    "%s %s is not of IEEE 802.1D's; expected 01:80:c2:00:00:00, or with "
			    "04 to 0f as its last byte",
			    field->key, text);
	if (!r)
		*(struct mac *)value = mac;
	return r;
}

const struct vtype vtype_group_mac = {
	.name = "group address",
	.example = "01:80:c2:00:00:00",
	.size = sizeof(struct mac),
	.parse = group_mac_parse,
	.print = mac_print,
	.put = bytes_put,
	.get = mac_get,
};

int ip_parse(const char *text, struct ip *ip)
{
	struct ip got = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(got.family, text, got.bytes) != 1)
		return -EINVAL;
	*ip = got;
	return 0;
}

void ip_print(const struct ip *ip, struct text *out)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(ip->family, ip->bytes, text, sizeof(text));
	text_add(out, "%s", text);
}

static int ip_parse_value(const struct field *field, const char *text, struct arena *arena,
			  void *value, struct err *err)
{
	if (ip_parse(text, value))
		return err_set(err, -EINVAL,
			       "%s \"%.60s\" is not an IP address; expected one, as 10.0.0.1 or "
			       "2001:db8::1",
			       field->key, text);
	if (field->max && !(field->flags & FIELD_ANY) &&
	    ip_bits(value) != (field->max == 4 ? 32 : 128))
		return err_set(err, -EINVAL, "%s %s is of the other family; expected IPv%d",
			       field->key, text, (int)field->max);
	return 0;
}

static void ip_print_value(const struct field *field, const void *value, struct text *out)
{
	ip_print(value, out);
}

static int ip_put(const struct field *field, const void *value, const struct link_names *names,
		  struct nlmsghdr *message)
{
	const struct ip *ip = value;

	mnl_attr_put(message, ip_bits(ip) == 128 && field->attr6 ? field->attr6 : field->attr,
		     ip_bits(ip) / 8, ip->bytes);
	return 0;
}

static int ip_get(const struct field *field, const struct nlattr *attr,
		  const struct link_names *names, struct arena *arena, void *value)
{
	uint16_t size = mnl_attr_get_payload_len(attr);
	struct ip ip = {.family = size == 4 ? AF_INET : AF_INET6};

	if (size != 4 && size != 16)
		return -EPROTO;
	memcpy(ip.bytes, mnl_attr_get_payload(attr), size);
	*(struct ip *)value = ip;
	return 0;
}

const struct vtype vtype_ip = {
	.name = "IP address",
	.example = "10.0.0.1",
	.size = sizeof(struct ip),
	.parse = ip_parse_value,
	.print = ip_print_value,
	.put = ip_put,
	.get = ip_get,
};

bool prefix_covers(const struct prefix *prefix, const struct ip *ip)
{
	if (prefix->ip.family != ip->family)
		return false;
	for (unsigned int bit = 0; bit < prefix->len; bit++)
		if ((prefix->ip.bytes[bit / 8] ^ ip->bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

int ip_order(const struct ip *a, const struct ip *b)
{
	return memcmp(a->bytes, b->bytes, ip_bits(a) / 8);
}

static int span_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	const char *dash = strpbrk(text, "- "); /* a list comes with blanks */
	size_t size = dash ? (size_t)(dash - text) : 0;
	struct span span = {0};
	char first[64];

	if (dash && size < sizeof(first)) {
		memcpy(first, text, size);
		first[size] = 0;
	}
	if (!dash || size >= sizeof(first) || ip_parse(first, &span.first) ||
	    ip_parse(dash + 1, &span.last) || span.first.family != span.last.family)
		return err_set(err, -EINVAL,
			       "%s \"%.100s\" is not two addresses; expected the first and the "
			       "last of one family, as 10.0.0.100-10.0.0.200",
			       field->key, text);
	if (ip_order(&span.first, &span.last) > 0)
		return err_set(err, -EINVAL,
			       "%s \"%.100s\" ends before it begins; expected the smaller address "
			       "first",
			       field->key, text);
	*(struct span *)value = span;
	return 0;
}

static void span_print(const struct field *field, const void *value, struct text *out)
{
	const struct span *span = value;

	ip_print(&span->first, out);
	text_add(out, "-");
	ip_print(&span->last, out);
}

const struct vtype vtype_span = {
	.name = "range of addresses",
	.example = "10.0.0.100-10.0.0.200",
	.size = sizeof(struct span),
	.list = true,
	.parse = span_parse,
	.print = span_print,
};

/* -EINVAL, or -ERANGE for a length beyond the family's bits. */
static int prefix_read(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix got = {0};
	char address[64];
	int64_t len;

	if (size >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, size);
	address[size] = 0;
	if (ip_parse(address, &got.ip))
		return -EINVAL;
	got.len = ip_bits(&got.ip);
	if (slash) {
		int r = text_number(slash + 1, 0, ip_bits(&got.ip), &len);

		if (r)
			return r;
		got.len = (uint8_t)len;
	}
	*prefix = got;
	return 0;
}

static int prefix_parse(const struct field *field, const char *text, struct arena *arena,
			void *value, struct err *err)
{
	int r = prefix_read(text, value);

	if (r == -ERANGE)
		return err_set(err, r, "%s \"%.60s\" has too long a prefix; expected at most /%d",
			       field->key, text, strchr(text, ':') ? 128 : 32);
	if (r)
		return err_set(
			err, r,
			"%s \"%.60s\" is not an address with its prefix length; expected one, "
			"as 10.0.0.1/24 or fd00::1/64",
			field->key, text);
	return 0;
}

static void prefix_print(const struct field *field, const void *value, struct text *out)
{
	const struct prefix *prefix = value;

	ip_print(&prefix->ip, out);
	text_add(out, "/%u", prefix->len);
}

const struct vtype vtype_prefix = {
	.name = "address/length",
	.example = "10.0.0.1/24",
	.size = sizeof(struct prefix),
	.parse = prefix_parse,
	.print = prefix_print,
};

static bool host_bits(const struct prefix *prefix)
{
	for (unsigned int bit = prefix->len; bit < ip_bits(&prefix->ip); bit++)
		if (prefix->ip.bytes[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

/* "default" and "0.0.0.0/0" are IPv4's; IPv6's is "::/0" (`default` with an IPv6 `via` is told by
 * expansion). */
static int target_parse(const struct field *field, const char *text, struct arena *arena,
			void *value, struct err *err)
{
	struct prefix prefix = {.ip.family = AF_INET};

	if (strcmp(text, "default") != 0) {
		if (prefix_read(text, &prefix))
			return err_set(
				err, -EINVAL,
				"%s \"%.60s\" is not a target; expected default or a prefix, as "
				"10.1.0.0/16",
				field->key, text);
		if (host_bits(&prefix))
			return err_set(
				err, -EINVAL,
				"%s %s has bits set behind its length; expected the network's "
				"own address",
				field->key, text);
	}
	*(struct prefix *)value = prefix;
	return 0;
}

static void target_print(const struct field *field, const void *value, struct text *out)
{
	const struct prefix *prefix = value;

	if (!prefix->len && prefix->ip.family == AF_INET)
		text_add(out, "default");
	else
		prefix_print(field, value, out);
}

const struct vtype vtype_target = {
	.name = "prefix or default",
	.example = "10.1.0.0/16",
	.size = sizeof(struct prefix),
	.parse = target_parse,
	.print = target_print,
};
