/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all value types share: comparing and copying, and the numbers, words and truths. Texts and
 * names are in value_text.c, addresses in value_address.c.
 */
#include "model/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/kind.h"

bool value_same(const struct field *field, const void *want, const void *have)
{
	const char *const *a = want, *const *b = have;

	if (field->type->same)
		return field->type->same(field, want, have);
	if (field->type->text)
		return text_same(*a, *b);
	return memcmp(want, have, field->type->size) == 0;
}

void value_copy(const struct field *field, struct arena *arena, void *to, const void *from)
{
	if (field->type->text) {
		const char *const *text = from;

		*(const char **)to = *text ? arena_text(arena, *text) : NULL;
		return;
	}
	memcpy(to, from, field->type->size);
}

uint64_t value_number(const void *value, size_t size)
{
	uint64_t number;

	switch (size) {
	case 1:
		return *(const uint8_t *)value;
	case 2:
		return *(const uint16_t *)value;
	case 4:
		return *(const uint32_t *)value;
	}
	memcpy(&number, value, sizeof(number)); /* a netlink attribute is aligned to 4 */
	return number;
}

static void store(void *value, size_t size, uint64_t number)
{
	if (size == 1)
		*(uint8_t *)value = (uint8_t)number;
	else if (size == 2)
		*(uint16_t *)value = (uint16_t)number;
	else if (size == 4)
		*(uint32_t *)value = (uint32_t)number;
	else
		*(uint64_t *)value = number;
}

static void limits(const struct field *field, int64_t *min, int64_t *max)
{
	static const int64_t most[] = {
		[1] = UINT8_MAX, [2] = UINT16_MAX, [4] = UINT32_MAX, [8] = INT64_MAX};

	*min = field->min;
	*max = field->min || field->max ? field->max : most[field->type->size];
}

static int number_parse(const struct field *field, const char *text, struct arena *arena,
			void *value, struct err *err)
{
	int64_t min, max, number;
	int r;

	limits(field, &min, &max);
	r = text_number(text, min, max, &number);
	if (r)
		return err_set(err, r, "%s \"%.60s\" %s; expected a number from %lld to %lld",
			       field->key, text,
			       r == -ERANGE ? "is out of range" : "is not a number", (long long)min,
			       (long long)max);
	store(value, field->type->size, (uint64_t)number);
	return 0;
}

static void number_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%llu", (unsigned long long)value_number(value, field->type->size));
}

static int number_put(const struct field *field, const void *value, const struct link_names *names,
		      struct nlmsghdr *message)
{
	mnl_attr_put(message, field->attr, field->type->size, value);
	return 0;
}

static int number_get(const struct field *field, const struct nlattr *attr,
		      const struct link_names *names, struct arena *arena, void *value)
{
	size_t size = mnl_attr_get_payload_len(attr);

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return -EPROTO;
	store(value, field->type->size, value_number(mnl_attr_get_payload(attr), size));
	return 0;
}

#define NUMBER(bits)                                                                               \
	const struct vtype vtype_u##bits = {.name = "number",                                      \
					    .example = "1",                                        \
					    .size = (bits) / 8,                                    \
					    .shape = SHAPE_NUMBER,                                 \
					    .parse = number_parse,                                 \
					    .print = number_print,                                 \
					    .put = number_put,                                     \
					    .get = number_get}

NUMBER(8);
NUMBER(16);
NUMBER(32);
NUMBER(64);

static int be16_put(const struct field *field, const void *value, const struct link_names *names,
		    struct nlmsghdr *message)
{
	mnl_attr_put_u16(message, field->attr, htons(*(const uint16_t *)value));
	return 0;
}

static int be16_get(const struct field *field, const struct nlattr *attr,
		    const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint16_t))
		return -EPROTO;
	*(uint16_t *)value = ntohs(mnl_attr_get_u16(attr));
	return 0;
}

const struct vtype vtype_be16 = {
	.name = "number",
	.example = "1",
	.size = 2,
	.shape = SHAPE_NUMBER,
	.parse = number_parse,
	.print = number_print,
	.put = be16_put,
	.get = be16_get,
};

static int bool_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	static const char *const words[] = {"false", "no", "off", "true", "yes", "on"};

	for (size_t i = 0; i < 6; i++)
		if (strcmp(text, words[i]) == 0) {
			*(uint8_t *)value = i >= 3;
			return 0;
		}
	return err_set(err, -EINVAL, "%s \"%.60s\" is neither yes nor no; expected true or false",
		       field->key, text);
}

static void bool_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", *(const uint8_t *)value ? "true" : "false");
}

/* Truths and words are a byte to most of the kernel; where they are 16 or 32 bits the table says so
 * by max = UINT16_MAX or UINT32_MAX. */
static int small_put(const struct field *field, const void *value, const struct link_names *names,
		     struct nlmsghdr *message)
{
	uint8_t place = *(const uint8_t *)value;
	uint32_t number = field->numbers ? field->numbers[place] : place;

	if (field->max == UINT32_MAX)
		mnl_attr_put_u32(message, field->attr, number);
	else if (field->max == UINT16_MAX)
		mnl_attr_put_u16(message, field->attr, (uint16_t)number);
	else
		mnl_attr_put_u8(message, field->attr, (uint8_t)number);
	return 0;
}

static int bool_get(const struct field *field, const struct nlattr *attr,
		    const struct link_names *names, struct arena *arena, void *value)
{
	uint64_t number = 0;
	int r = number_get(&(struct field){.type = &vtype_u64}, attr, names, arena, &number);

	if (!r)
		*(uint8_t *)value = number != 0;
	return r;
}

const struct vtype vtype_bool = {
	.name = "true|false",
	.example = "true",
	.size = 1,
	.shape = SHAPE_BOOL,
	.parse = bool_parse,
	.print = bool_print,
	.put = small_put,
	.get = bool_get,
};

/* struct br_boolopt_multi of linux/if_bridge.h, and others of the same form. */
struct bits {
	uint32_t value, mask;
};

/*
 * Of two attributes of one number the kernel takes the last: a bit joins the one just before it.
 * Bits of one attribute stand beside each other in a table, so that is the last of the message.
 */
static int bit_put(const struct field *field, const void *value, const struct link_names *names,
		   struct nlmsghdr *message)
{
	size_t size = MNL_ATTR_HDRLEN + sizeof(struct bits);
	struct nlattr *last = (struct nlattr *)((char *)message + message->nlmsg_len - size);
	struct bits bits = {.value = (uint32_t)(*(const uint8_t *)value != 0) << field->min,
			    .mask = UINT32_C(1) << field->min};
	struct bits *there = mnl_attr_get_payload(last);

	if (last->nla_type == field->attr && last->nla_len == size) {
		there->value = (there->value & ~bits.mask) | bits.value;
		there->mask |= bits.mask;
		return 0;
	}
	mnl_attr_put(message, field->attr, sizeof(bits), &bits);
	return 0;
}

static int bit_get(const struct field *field, const struct nlattr *attr,
		   const struct link_names *names, struct arena *arena, void *value)
{
	struct bits bits;

	if (mnl_attr_get_payload_len(attr) != sizeof(bits))
		return -EPROTO;
	memcpy(&bits, mnl_attr_get_payload(attr), sizeof(bits));
	if (!(bits.mask >> field->min & 1))
		return -EOPNOTSUPP; /* this kernel has no such bit */
	*(uint8_t *)value = bits.value >> field->min & 1;
	return 0;
}

const struct vtype vtype_bit = {
	.name = "true|false",
	.example = "true",
	.size = 1,
	.shape = SHAPE_BOOL,
	.parse = bool_parse,
	.print = bool_print,
	.put = bit_put,
	.get = bit_get,
};

/* Seconds with up to two decimals, held and sent in hundredths (the kernel's USER_HZ). */
static int seconds_parse(const struct field *field, const char *text, struct arena *arena,
			 void *value, struct err *err)
{
	int64_t min, max;
	unsigned long long whole = 0, hundredths = 0, most;
	int used = 0, digits = 0;
	const char *rest;

	limits(field, &min, &max);
	if (max > UINT32_MAX / 100)
		max = UINT32_MAX / 100;
	if (text[0] < '0' || text[0] > '9' || sscanf(text, "%9llu%n", &whole, &used) != 1)
		goto wrong;
	rest = text + used;
	if (*rest == '.') {
		for (rest++; *rest >= '0' && *rest <= '9' && digits < 2; rest++, digits++)
			hundredths = hundredths * 10 + (unsigned int)(*rest - '0');
		if (digits == 0)
			goto wrong;
		if (digits == 1)
			hundredths *= 10;
	}
	if (*rest && strcmp(rest, "s") != 0)
		goto wrong;
	most = field->flags & FIELD_ANY ? UINT32_MAX : (uint64_t)max * 100;
	if ((int64_t)whole < min || whole * 100 + hundredths > most)
		return err_set(err, -ERANGE,
			       "%s \"%.60s\" is out of range; expected %lld to %lld seconds",
			       field->key, text, (long long)min, (long long)max);
	*(uint32_t *)value = (uint32_t)(whole * 100 + hundredths);
	return 0;
wrong:
	return err_set(err, -EINVAL, "%s \"%.60s\" is not a time; expected seconds, as 15 or 1.5",
		       field->key, text);
}

static void seconds_print(const struct field *field, const void *value, struct text *out)
{
	uint32_t hundredths = *(const uint32_t *)value;

	text_add(out, "%u", hundredths / 100);
	if (hundredths % 100)
		text_add(out, hundredths % 10 ? ".%02u" : ".%u",
			 hundredths % 10 ? hundredths % 100 : hundredths % 100 / 10);
}

/* The kernel keeps jiffies: at HZ 250 a hundredth may come back one less, per second of it. */
static bool seconds_same(const struct field *field, const void *want, const void *have)
{
	int64_t far = (int64_t) * (const uint32_t *)want - *(const uint32_t *)have;

	return far >= -1 && far <= 1;
}

const struct vtype vtype_seconds = {
	.name = "seconds",
	.example = "15",
	.size = 4,
	.shape = SHAPE_NUMBER,
	.parse = seconds_parse,
	.print = seconds_print,
	.put = number_put,
	.get = number_get,
	.same = seconds_same,
};

static int interval_put(const struct field *field, const void *value,
			const struct link_names *names, struct nlmsghdr *message)
{
	mnl_attr_put_u64(message, field->attr, *(const uint32_t *)value);
	return 0;
}

const struct vtype vtype_interval = {
	.name = "seconds",
	.example = "15",
	.size = 4,
	.shape = SHAPE_NUMBER,
	.parse = seconds_parse,
	.print = seconds_print,
	.put = interval_put,
	.get = number_get,
	.same = seconds_same,
};

static int word_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	struct text list TEXT_CLEANUP = {0};
	const char *nearest;

	for (uint8_t i = 0; field->words[i]; i++) {
		if (strcmp(field->words[i], text) == 0) {
			*(uint8_t *)value = i;
			return 0;
		}
		text_add(&list, "%s%s",
			 !i		       ? ""
			 : field->words[i + 1] ? ", "
					       : " or ",
			 field->words[i]);
	}
	nearest = text_nearest(text, field->words);
	err_set(err, -EINVAL, "%s \"%.60s\" is not known; expected %s", field->key, text,
		text_get(&list));
	if (nearest)
		err_hint(err, "%s: %s", field->key, nearest);
	return err->code;
}

static void word_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", field->words[*(const uint8_t *)value]);
}

static int word_get(const struct field *field, const struct nlattr *attr,
		    const struct link_names *names, struct arena *arena, void *value)
{
	uint64_t number = 0;
	uint8_t count = 0;
	int r = number_get(&(struct field){.type = &vtype_u64}, attr, names, arena, &number);

	while (field->words[count])
		count++;
	for (uint8_t i = 0; !r && field->numbers; i++) {
		if (i == count)
			return -EPROTO;
		if (field->numbers[i] == number) {
			number = i;
			break;
		}
	}
	if (!r && number >= count)
		return -EPROTO;
	if (!r)
		*(uint8_t *)value = (uint8_t)number;
	return r;
}

const struct vtype vtype_word = {
	.name = "word",
	.example = "auto",
	.size = 1,
	.shape = SHAPE_TEXT,
	.parse = word_parse,
	.print = word_print,
	.put = small_put,
	.get = word_get,
};

static const char *const vlan_words[] = {"802.1q", "802.1ad", NULL};
static const uint16_t vlan_numbers[] = {ETH_P_8021Q, ETH_P_8021AD};

static int vlan_protocol_parse(const struct field *field, const char *text, struct arena *arena,
			       void *value, struct err *err)
{
	return word_parse(&(struct field){.key = field->key, .words = vlan_words}, text, arena,
			  value, err);
}

static void vlan_protocol_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", vlan_words[*(const uint8_t *)value]);
}

static int vlan_protocol_put(const struct field *field, const void *value,
			     const struct link_names *names, struct nlmsghdr *message)
{
	mnl_attr_put_u16(message, field->attr, htons(vlan_numbers[*(const uint8_t *)value]));
	return 0;
}

static int vlan_protocol_get(const struct field *field, const struct nlattr *attr,
			     const struct link_names *names, struct arena *arena, void *value)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(uint16_t))
		return -EPROTO;
	for (uint8_t i = 0; i < sizeof(vlan_numbers) / sizeof(vlan_numbers[0]); i++)
		if (vlan_numbers[i] == ntohs(mnl_attr_get_u16(attr))) {
			*(uint8_t *)value = i;
			return 0;
		}
	return -EPROTO;
}

const struct vtype vtype_vlan_protocol = {
	.name = "802.1q|802.1ad",
	.example = "802.1q",
	.size = 1,
	.shape = SHAPE_TEXT,
	.parse = vlan_protocol_parse,
	.print = vlan_protocol_print,
	.put = vlan_protocol_put,
	.get = vlan_protocol_get,
};

/* Decimal, as `tc` and the makers of networks count. */
static const struct {
	const char *suffix;
	uint64_t bits;
} rates[] = {{"gbit", 1000000000}, {"mbit", 1000000}, {"kbit", 1000}, {"bit", 1}, {"", 1}};

#define RATE_LEAST 8000 /* a kilobyte a second */
#define RATE_MOST UINT64_C(1000000000000)

static int rate_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	unsigned long long number = 0;
	uint64_t rate = 0;
	int used = 0;

	if (text[0] >= '0' && text[0] <= '9' && sscanf(text, "%13llu%n", &number, &used) == 1)
		for (size_t i = 0; !rate && i < sizeof(rates) / sizeof(rates[0]); i++)
			if (strcasecmp(text + used, rates[i].suffix) == 0 &&
			    number <= RATE_MOST / rates[i].bits)
				rate = number * rates[i].bits;
	if (rate < RATE_LEAST && !(field->flags & FIELD_ANY))
		return err_set(err, -EINVAL,
			       "%s \"%.60s\" is no rate; expected bits per second from 8kbit to "
			       "1000gbit, as 100mbit",
			       field->key, text);
	*(uint64_t *)value = rate / 8 * 8;
	return 0;
}

static void rate_print(const struct field *field, const void *value, struct text *out)
{
	uint64_t rate = *(const uint64_t *)value;
	size_t i = 0;

	while (rates[i].bits > 1 && (!rate || rate % rates[i].bits))
		i++;
	text_add(out, "%llu%s", (unsigned long long)(rate / rates[i].bits), rates[i].suffix);
}

const struct vtype vtype_rate = {
	.name = "rate",
	.example = "100mbit",
	.size = 8,
	.parse = rate_parse,
	.print = rate_print,
};
