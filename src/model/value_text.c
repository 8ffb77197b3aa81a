/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Value types that are texts or name things: devices, namespaces, paths, users, keys, endpoints. */
#include <errno.h>
#include <grp.h>
#include <libmnl/libmnl.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "model/kind.h"
#include "sys/link_names.h"

static void text_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", *(const char *const *)value);
}

static int keep(struct arena *arena, void *value, const char *text)
{
	*(const char **)value = arena_text(arena, text);
	return 0;
}

static int text_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	size_t size = strlen(text), most = field->max ? (size_t)field->max : 255;

	if (field->flags & FIELD_ANY)
		return keep(arena, value, text);
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < 0x20 || text[i] == 0x7f) &&
		    /* lines made by us */
		    !(field->flags & FIELD_INNER && (text[i] == '\n' || text[i] == '\t')))
			return err_set(err, -EINVAL,
				       "%s has a control character; expected plain text",
				       field->key);
	if (size > most)
		return err_set(err, -ERANGE, "%s is %zu bytes long; expected at most %zu",
			       field->key, size, most);
	return keep(arena, value, text);
}

static int text_put(const struct field *field, const void *value, const struct link_names *names,
		    struct nlmsghdr *message)
{
	mnl_attr_put_strz(message, field->attr, *(const char *const *)value);
	return 0;
}

static int text_get_attr(const struct field *field, const struct nlattr *attr,
			 const struct link_names *names, struct arena *arena, void *value)
{
	const char *text = mnl_attr_get_payload(attr);

	*(const char **)value =
		arena_textn(arena, text, strnlen(text, mnl_attr_get_payload_len(attr)));
	return 0;
}

const struct vtype vtype_text = {
	.name = "text",
	.example = "text",
	.size = sizeof(char *),
	.text = true,
	.parse = text_parse,
	.print = text_print,
	.put = text_put,
	.get = text_get_attr,
};

/* The kernel's dev_valid_name, and no '%': the kernel would count upwards in its place. */
int device_name_check(const char *name, struct err *err)
{
	size_t size = strlen(name);

	if (!size || size >= IFNAMSIZ)
		return err_set(
			err, -EINVAL,
			"\"%.60s\" is %zu bytes long; expected a device name of 1 to %d bytes",
			name, size, IFNAMSIZ - 1);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, -EINVAL, "\"%s\" cannot be a device name", name);
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f || strchr("/:%", name[i]))
			return err_set(
				err, -EINVAL,
				"\"%s\" cannot be a device name: it has a %s; expected none of "
				"blank, '/', ':' and '%%'",
				name,
				strchr("/:%", name[i]) ? (char[]){'\'', name[i], '\'', 0}
						       : "blank or control character");
	return 0;
}

int namespace_name_check(const char *name, struct err *err)
{
	size_t size = strlen(name);

	if (!size || size > 255)
		return err_set(err, -EINVAL,
			       "\"%.60s\" is %zu bytes long; expected a namespace name of 1 to 255",
			       name, size);
	if (name[0] == '.' || strchr(name, '/'))
		return err_set(
			err, -EINVAL,
			"\"%.60s\" cannot be a namespace name; expected no '/' and no '.' first",
			name);
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return err_set(err, -EINVAL,
				       "namespace name has a blank or control character; expected "
				       "none");
	return 0;
}

static int device_parse(const struct field *field, const char *text, struct arena *arena,
			void *value, struct err *err)
{
	/* a reference that may be none is written empty */
	bool none = !text[0] && field->initial && !field->initial[0];
	int r = none || field->flags & FIELD_ANY ? 0 : device_name_check(text, err);

	return r ? r : keep(arena, value, text);
}

const struct vtype vtype_device = {
	.name = "device name",
	.example = "br0",
	.size = sizeof(char *),
	.text = true,
	.parse = device_parse,
	.print = text_print,
	.put = text_put,
	.get = text_get_attr,
};

static int ref_put(const struct field *field, const void *value, const struct link_names *names,
		   struct nlmsghdr *message)
{
	const char *name = *(const char *const *)value;
	uint32_t ifindex = name[0] ? link_names_index(names, name) : 0;

	if (name[0] && !ifindex)
		return -ENODEV;
	mnl_attr_put_u32(message, field->attr, ifindex);
	return 0;
}

/* An index of another namespace has no name here: the field stays unset. */
static int ref_get(const struct field *field, const struct nlattr *attr,
		   const struct link_names *names, struct arena *arena, void *value)
{
	const char *name;

	if (mnl_attr_get_payload_len(attr) != sizeof(uint32_t))
		return -EPROTO;
	name = link_names_name(names, mnl_attr_get_u32(attr));
	if (!name)
		return -ENODEV;
	*(const char **)value = arena_text(arena, name);
	return 0;
}

const struct vtype vtype_ref = {
	.name = "device",
	.example = "eth0",
	.size = sizeof(char *),
	.text = true,
	.device = true,
	.parse = device_parse,
	.print = text_print,
	.put = ref_put,
	.get = ref_get,
};

static int nsname_parse(const struct field *field, const char *text, struct arena *arena,
			void *value, struct err *err)
{
	int r = field->flags & FIELD_ANY ? 0 : namespace_name_check(text, err);

	return r ? r : keep(arena, value, text);
}

const struct vtype vtype_nsname = {
	.name = "namespace name",
	.example = "ns1",
	.size = sizeof(char *),
	.text = true,
	.parse = nsname_parse,
	.print = text_print,
};

static int place_parse(const struct field *field, const char *text, struct arena *arena,
		       void *value, struct err *err)
{
	const char *slash = strrchr(text, '/');
	int r;

	if (field->flags & FIELD_ANY)
		return keep(arena, value, text);
	r = device_name_check(slash ? slash + 1 : text, err);
	if (!r && slash && slash != text) {
		char *ns = arena_textn(arena, text, (size_t)(slash - text));

		r = namespace_name_check(ns, err);
	}
	if (r)
		return err_context(err, "%s", field->key);
	return keep(arena, value, text);
}

const struct vtype vtype_place = {
	.name = "device, namespace/device or /device",
	.example = "ns1/tap2",
	.size = sizeof(char *),
	.text = true,
	.parse = place_parse,
	.print = text_print,
};

/* In messages the number of the device, in the namespace it stands in: read by live_read.c. */
static int lower_put(const struct field *field, const void *value, const struct link_names *names,
		     struct nlmsghdr *message)
{
	const char *name = *(const char *const *)value, *slash = strrchr(name, '/');
	uint32_t ifindex = link_names_index(names, slash ? slash + 1 : name);

	if (!ifindex)
		return -ENODEV;
	mnl_attr_put_u32(message, field->attr, ifindex);
	return 0;
}

const struct vtype vtype_lower = {
	.name = "device, namespace/device or /device",
	.example = "eth0",
	.size = sizeof(char *),
	.text = true,
	.device = true,
	.parse = place_parse,
	.print = text_print,
	.put = lower_put,
};

static int path_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	int r = text_parse(&(struct field){.key = field->key, .max = 4095}, text, arena, value,
			   err);

	if (r)
		return r;
	if (text[0] != '/')
		return err_set(err, -EINVAL,
			       "%s \"%.60s\" is not an absolute path; expected one, as "
			       "/etc/lanloom/lan0.key",
			       field->key, text);
	return 0;
}

const struct vtype vtype_path = {
	.name = "path",
	.example = "/etc/lanloom/lan0.key",
	.size = sizeof(char *),
	.text = true,
	.parse = path_parse,
	.print = text_print,
};

static int user_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	const struct passwd *user;
	int64_t number;

	if (text_number(text, 0, UINT32_MAX - 1, &number) == 0)
		;
	else if ((user = getpwnam(text)))
		number = user->pw_uid;
	else
		return err_set(
			err, -EINVAL,
			"%s \"%.60s\" is not a user of this system; expected a name or a number",
			field->key, text);
	*(uint32_t *)value = (uint32_t)number;
	return 0;
}

static void user_print(const struct field *field, const void *value, struct text *out)
{
	const struct passwd *user = getpwuid(*(const uint32_t *)value);

	if (user)
		text_add(out, "%s", user->pw_name);
	else
		text_add(out, "%u", *(const uint32_t *)value);
}

static int group_parse(const struct field *field, const char *text, struct arena *arena,
		       void *value, struct err *err)
{
	const struct group *group;
	int64_t number;

	if (text_number(text, 0, UINT32_MAX - 1, &number) == 0)
		;
	else if ((group = getgrnam(text)))
		number = group->gr_gid;
	else
		return err_set(
			err, -EINVAL,
			"%s \"%.60s\" is not a group of this system; expected a name or a number",
			field->key, text);
	*(uint32_t *)value = (uint32_t)number;
	return 0;
}

static void group_print(const struct field *field, const void *value, struct text *out)
{
	const struct group *group = getgrgid(*(const uint32_t *)value);

	if (group)
		text_add(out, "%s", group->gr_name);
	else
		text_add(out, "%u", *(const uint32_t *)value);
}

static void id_write(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%u", *(const uint32_t *)value);
}

/* An id travels by netlink as u32 (IFLA_TUN_OWNER). */
static int id_get(const struct field *field, const struct nlattr *attr,
		  const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint32_t))
		return -EPROTO;
	*(uint32_t *)value = mnl_attr_get_u32(attr);
	return 0;
}

const struct vtype vtype_user = {
	.name = "user",
	.example = "nobody",
	.size = 4,
	.parse = user_parse,
	.print = user_print,
	.write = id_write,
	.get = id_get,
};

const struct vtype vtype_group = {
	.name = "group",
	.example = "nogroup",
	.size = 4,
	.parse = group_parse,
	.print = group_print,
	.write = id_write,
	.get = id_get,
};

static int key_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		     struct err *err)
{
	struct public_key key;

	if (text_base64_get(text, key.bytes, sizeof(key.bytes)))
		return err_set(
			err, -EINVAL,
			"%s is not a public key; expected 32 bytes in base64 (44 characters), as "
			"lanloom key public prints it",
			field->key);
	*(struct public_key *)value = key;
	return 0;
}

static void key_print(const struct field *field, const void *value, struct text *out)
{
	char text[45];

	text_base64_put(((const struct public_key *)value)->bytes, 32, text);
	text_add(out, "%s", text);
}

const struct vtype vtype_key = {
	.name = "public key",
	.example = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
	.size = sizeof(struct public_key),
	.parse = key_parse,
	.print = key_print,
};

/* host:port with the host an IPv4 address, a name, or an IPv6 address in brackets (RFC 3986). */
static int endpoint_parse(const struct field *field, const char *text, struct arena *arena,
			  void *value, struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t host = colon ? (size_t)(colon - text) : 0;
	char name[256];
	struct ip ip;
	int64_t port;

	if (!colon || !host || host >= sizeof(name) || text_number(colon + 1, 1, 65535, &port))
		goto wrong;
	memcpy(name, text, host);
	name[host] = 0;
	if (name[0] == '[') {
		if (host < 2 || name[host - 1] != ']')
			goto wrong;
		name[host - 1] = 0;
		if (ip_parse(name + 1, &ip) || ip_bits(&ip) != 128)
			goto wrong;
	} else if (strchr(name, ':') ||
		   name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
				     "QRSTUVWXYZ0123456789.-_")]) {
		goto wrong;
	}
	return keep(arena, value, text);
wrong:
	return err_set(
		err, -EINVAL,
		"%s \"%.60s\" is not an endpoint; expected host:port, as 203.0.113.2:51821 or "
		"[2001:db8::2]:51821",
		field->key, text);
}

const struct vtype vtype_endpoint = {
	.name = "endpoint",
	.example = "203.0.113.2:51821",
	.size = sizeof(char *),
	.text = true,
	.parse = endpoint_parse,
	.print = text_print,
};
