/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value types: what a field of a kind can hold. A vtype knows the five things one does with a
 * value: read it from text, print it (the same text), send it to the kernel as a netlink
 * attribute, read it back from one, and tell whether the kernel has what was wanted (`same` knows
 * what the kernel rounds). A value is plain memory of `size` bytes; texts are pointers into an
 * arena, so copying a value to another arena goes through vtype_copy.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

struct field;
struct nlattr;
struct nlmsghdr;
struct link_names; /* sys/link_names.h: ifindex and name of the links of one namespace */

enum shape { SHAPE_TEXT, SHAPE_NUMBER, SHAPE_BOOL }; /* what it is in JSON */

struct vtype {
	const char *name;    /* "prefix": what `lanloom kinds` and messages call it */
	const char *example; /* "10.0.0.1/24": for "expected …, as 10.0.0.1/24" */
	uint8_t size;	     /* bytes in the kind's struct */
	bool text;	     /* the value is a `const char *` in an arena */
	bool device;   /* the value names a device: it comes first (device_place_get tells where) */
	bool list;     /* a text of words with a blank between; a list in descriptions */
	bool presence; /* no attribute is a value, too: get is called with NULL */
	enum shape shape;

	/* -EINVAL, -ERANGE with a message that ends in what was expected; value untouched then. */
	int (*parse)(const struct field *field, const char *text, struct arena *arena, void *value,
		     struct err *err);
	void (*print)(const struct field *field, const void *value, struct text *out);
	/* How records have it; NULL: as printed. A user's name may change, and costs a look-up. */
	void (*write)(const struct field *field, const void *value, struct text *out);

	/* NULL where the value never travels by netlink. put: -ENODEV when a named device is not
	 * there. */
	int (*put)(const struct field *field, const void *value, const struct link_names *names,
		   struct nlmsghdr *message);
	int (*get)(const struct field *field, const struct nlattr *attr,
		   const struct link_names *names, struct arena *arena, void *value);

	/* What to send so that the text `after` stands in place of `before`; NULL: `after`. */
	const char *(*over)(const char *before, const char *after, struct arena *arena);

	/* NULL: equal memory, or equal text. */
	bool (*same)(const struct field *field, const void *want, const void *have);
};

struct mac {
	uint8_t bytes[6];
};

struct ip {
	uint8_t family;	   /* AF_INET, AF_INET6 */
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
};

struct prefix {
	struct ip ip; /* host bits are kept (an address); routes have them zero */
	uint8_t len;
};

struct span {
	struct ip first, last; /* of one family, first ≤ last */
};

struct public_key {
	uint8_t bytes[32];
};

extern const struct vtype vtype_bool; /* uint8_t; true|false|yes|no|on|off */
extern const struct vtype vtype_u8;   /* uint8_t within [min, max] of the field */
extern const struct vtype vtype_u16;  /* uint16_t */
extern const struct vtype vtype_be16; /* uint16_t, big endian in the message: a port */
extern const struct vtype vtype_u32;  /* uint32_t */
extern const struct vtype vtype_u64;  /* uint64_t */
extern const struct vtype
	vtype_seconds; /* uint32_t in 1/100 s, as the bridge has it; "15", "1.5", "15s" */
extern const struct vtype vtype_interval; /* the same where the kernel has 64 bits for it */
extern const struct vtype vtype_rate;	  /* uint64_t bits per second; "100mbit", "8000" */
/* uint8_t: a truth that is bit number `min` of an attribute {value, mask} */
extern const struct vtype vtype_bit;
extern const struct vtype vtype_vlan_protocol; /* uint8_t: 0 802.1q, 1 802.1ad; big endian */
extern const struct vtype vtype_word;	       /* uint8_t: index into the field's words */
extern const struct vtype vtype_mac;	       /* struct mac */
extern const struct vtype vtype_any_mac;       /* struct mac: also of a group, or all zero */
extern const struct vtype vtype_group_mac; /* struct mac: 01:80:c2:00:00:0X, X none of 1, 2, 3 */
extern const struct vtype vtype_ip;	   /* struct ip */
extern const struct vtype vtype_span;	   /* struct span: "10.0.0.100-10.0.0.200", or a list */
extern const struct vtype vtype_prefix;	   /* struct prefix; without /len: a host's */
extern const struct vtype vtype_target; /* struct prefix with host bits zero, "default" = len 0 */
extern const struct vtype vtype_text;	/* const char *; no control characters */
extern const struct vtype
	vtype_device; /* const char *: a device name to be (dev_valid_name, 15 bytes, no %) */
extern const struct vtype
	vtype_ref; /* const char *: a device of the same namespace; IFLA u32 ifindex */
extern const struct vtype vtype_place; /* const char *: "device", "namespace/device" or "/device" */
extern const struct vtype vtype_lower; /* the same, as what a device stands on (IFLA_LINK) */
extern const struct vtype
	vtype_nsname; /* const char *: a namespace name (no '/', no leading '.', 1…255) */
extern const struct vtype vtype_path;  /* const char *: an absolute path */
extern const struct vtype vtype_user;  /* uint32_t uid; by name or number; digits are a number */
extern const struct vtype vtype_group; /* uint32_t gid */
extern const struct vtype vtype_key;   /* struct public_key; base64 */
extern const struct vtype
	vtype_endpoint; /* const char *: "192.0.2.1:51821", "[2001:db8::1]:51821", "host:port" */
extern const struct vtype vtype_port;	   /* uint16_t; network order in messages */
extern const struct vtype vtype_be32;	   /* uint32_t; the same */
extern const struct vtype vtype_ports;	   /* const char *: "32768 60999" */
extern const struct vtype vtype_bit16;	   /* uint8_t; the bits `min` of 16 */
extern const struct vtype vtype_bit_be16;  /* the same in network order */
extern const struct vtype vtype_gre_key;   /* uint32_t; 0 is none, which a bit beside it says */
extern const struct vtype vtype_mute_bool; /* uint8_t; a byte that the kernel tells if not 0 */
extern const struct vtype vtype_presence;  /* uint8_t; an attribute without content, or none */
/* const char *: words with a blank between. macs, map: sorted; */
extern const struct vtype vtype_macs;
extern const struct vtype vtype_ips; /* field->max 4 or 6: of this family only */
extern const struct vtype
	vtype_map; /* "1:3 2:5"; to at most field->max, from field->min (0: any) */

/* A number held in 1, 2, 4 or 8 bytes. */
uint64_t value_number(const void *value, size_t size);
bool value_same(const struct field *field, const void *want, const void *have);
void value_copy(const struct field *field, struct arena *arena, void *to, const void *from);

/* Checks shared by vtypes and the namespace door. -EINVAL with a message. */
int device_name_check(const char *name, struct err *err);
int namespace_name_check(const char *name, struct err *err);

/* An address is within the prefix. */
bool prefix_covers(const struct prefix *prefix, const struct ip *ip);
/* Within one family: as memcmp. */
int ip_order(const struct ip *a, const struct ip *b);

int ip_parse(const char *text, struct ip *ip); /* -EINVAL */
void ip_print(const struct ip *ip, struct text *out);
static inline uint8_t ip_bits(const struct ip *ip)
{
	return ip->family == 2 /* AF_INET */ ? 32 : 128;
}
