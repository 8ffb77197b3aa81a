/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The old names under LANLOOM_LEDGER=1: what they change goes through the transaction of `lanloom
 * add`, `set` and `del`, into the history, and can be undone. The library is loaded with work only
 * here. All functions print what is refused and return the exit code.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

bool ledger_is_on(void);

int ledger_add_bridge(const char *bridge);
int ledger_del(const char *device);
/* '+' plugs in, '-' out: all of the NULL-terminated names, or none. */
int ledger_ports(const char *bridge, char sign, char *const *ports);
int ledger_set_bridge(const char *bridge, const char *key, const char *value);
int ledger_set_number(const char *bridge, const char *key, int number);
int ledger_set_time(const char *bridge, const char *key, unsigned long hundredths);
int ledger_set_port(const char *bridge, const char *port, const char *key, const char *value);
int ledger_set_port_number(const char *bridge, const char *port, const char *key, int number);

/* A TAP or TUN by its full name; owner, group -1: not said. */
int ledger_add_tap(const char *kind, const char *device, int owner, int group);
