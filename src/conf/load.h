/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside src/conf: what loading, joining, peers, expanding and checking share. */
#pragma once
#include "conf/conf.h"
#include "conf/yaml.h"

/* In what way an object was written. */
enum form {
	FORM_NAMED,  /* in a section, or the companion of what stands there */
	FORM_LISTED, /* in a list of its owner */
	FORM_MAPPED, /* in the map of its owner that stands beside the list (ports) */
	FORM_SPREAD, /* one of its values in a map of its owner (parameters.path-cost) */
};

struct loaded {
	struct object *object;
	const struct object *owner; /* under which it stands; NULL: in a section */
	enum form form;
	bool faulty; /* a value of it was refused: what is missing may be just that */
};

/* A host named where a peer could stand: its keys are known when all hosts are read. */
struct far_peer {
	const struct object *owner;
	const struct kind *kind;
	struct place place;
	const char *host; /* NULL: all */
};

/* One host's share of a file, from tree to state; or a file without hosts. */
struct load {
	struct arena *arena;
	struct diag *diag;
	struct state *state;
	const char *host; /* "" without hosts */
	bool hosts;	  /* the file has hosts: peers may be named by them */
	struct loaded *loaded;
	size_t len;
	struct far_peer *peers;
	size_t peer_count;
	size_t near_budget; /* words that may still be compared for a suggestion */
};

/* An error unless enough were told; never NULL, so that a hint may be added. */
struct err *load_error(struct load *load, struct place place, const char *object,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* " (line 7)"; "" for what stands in no file. */
const char *load_line(const struct load *load, struct place place);
void load_err(struct load *load, const struct err *err); /* the same with one at hand */

/* load.c: the map at the root, or of one host. `words`: NULL-terminated other keys, stepped over.
 */
void load_root(struct load *load, const struct yaml_node *map, const char *const *words);
/* One entry of a section: `node` with its key is NAME: {…}. */
void load_named(struct load *load, const char *section, const char *ns,
		const struct yaml_node *node);
/* Keys of a map into an object; keys that are not its own into `companion` (NULL: none). */
void load_keys(struct load *load, size_t at, size_t companion, const char *prefix,
	       const struct yaml_node *map);
#define LOAD_NONE SIZE_MAX
size_t load_add(struct load *load, struct object *object, const struct object *owner,
		enum form form);
/* One value into field i of a loaded object; refuses what is no scalar, or a secret. */
bool load_value(struct load *load, size_t at, unsigned int i, const struct yaml_node *node);

/* children.c */
struct child {
	const struct kind *kind;
	enum form form;
	enum listing listing;
	int field; /* FORM_SPREAD: which value stands there */
};
/* What stands under `key` of an object of this kind, from *k on (0 at first); false: nothing more.
 */
bool child_next(const struct kind *owner, size_t *k, struct child *child, const char **key);
bool child_find(const struct kind *owner, const char *key, struct child *child);
void load_children(struct load *load, const struct object *owner, const struct child *child,
		   const struct yaml_node *node);
struct object *child_make(struct load *load, const struct object *owner, const struct kind *kind,
			  struct place place);

/* fields.c: what the tables say about writing a field */
bool field_written(const struct field *field);		   /* a user may write it */
int field_exact(const struct kind *kind, const char *key); /* -1: none so called */
int field_title(const struct kind *kind);  /* the one that a name or list entry gives; -1: none */
int field_under(const struct kind *kind);  /* the one that takes the name of the owner; -1: none */
int field_value(const struct kind *kind);  /* the one that a scalar gives in a map of values; -1 */
int field_secret(const struct kind *kind); /* path of a private key; -1: none */
int field_public(const struct kind *kind); /* its public half; -1: none */
int field_digest(const struct kind *kind); /* of the secret's content, not for users; -1: none */
bool kind_device(const struct kind *kind); /* its objects are devices, or have one */
const struct kind *kind_choose(const char *section,
			       const char *mode); /* exact mode, else one without */

/* words.c: lists of words for suggestions */
struct words {
	struct arena *arena;
	const char **words; /* NULL-terminated */
	size_t len;
};
void words_add(struct words *words, const char *word);
void words_of_keys(struct words *words, const struct kind *kind, const char *prefix);
void words_of_sections(struct words *words);
void words_of_modes(struct words *words, const char *section);
const char *words_nearest(struct load *load, const struct words *words, const char *word);
const char *words_join(struct words *words, const char *last); /* "a, b or c" */

/* join.c: the loaded objects as a state; what was written in two forms becomes one */
void load_join(struct load *load);

/* hosts.c: what a file says of each of its hosts */
struct host {
	const char *name;
	const char *endpoint;	/* address or name, without a port; NULL: none */
	const char *public_key; /* base64; NULL: none */
	struct place place;	/* of its name */
	struct place key_place; /* of its public key */
	struct load load;
};

struct hosts {
	struct host *hosts;
	size_t len;
	size_t chosen; /* LOAD_NONE: none */
	bool named;    /* the file has `hosts:`; else there is one host without a name */
};
/* Splits the file's map into hosts and loads each one's share. `words`: keys of the root itself. */
void hosts_load(struct hosts *hosts, const struct yaml_node *root, const char *const *words,
		struct arena *arena, struct diag *diag);
/* NULL chooses none. One that is not there is told. */
void hosts_choose(struct hosts *hosts, const char *name, const struct yaml_node *root,
		  struct diag *diag);

/* peers.c: hosts named as peers, with all hosts' loads at hand */
void hosts_peers(const struct hosts *hosts);

/* secrets.c: the key files of the chosen host against the public keys that are written */
void hosts_secrets(const struct hosts *hosts, const struct conf_request *request);

/* check.c: short forms written out, then the rules */
void load_expand(struct load *load);
void load_check(struct load *load);
/*
 * One place, one fault: rules' errors from index `from` on go where another error stands already,
 * and those at `but` (of an object a value of which was refused: what is missing may be just that).
 */
void drop_repeated(struct diag *diag, size_t from, struct place but);
