/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a subcommand sees besides lanloom.h: its row in the table of commands, its parsed command
 * line, and how text comes onto a terminal.
 *
 * A subcommand is one file, src/cmd/NAME.c, that defines one `const struct cmd cmd_NAME` and has a
 * line in src/cmd/commands.c. Parsing, `lanloom help`, the manual and the completion walk these
 * rows. A command asks the library for one document and hands it to cmd_answer, which prints it as
 * JSON or has it printed as text; so the two cannot say different things.
 */
#pragma once
#include "lanloom.h"

/* Options that more than one command takes; each row names those it does. */
enum {
	CMD_HOST = 1 << 0,  /* --host NAME */
	CMD_NAME = 1 << 1,  /* --name NAME */
	CMD_ADOPT = 1 << 2, /* --adopt */
	CMD_FORCE = 1 << 3, /* --force */
	CMD_STOPS = 1 << 4, /* options end at the first argument: the rest is another program's */
	CMD_GUARD = 1 << 5, /* --confirm SECONDS, --keep TARGET */
};

/* What an argument may be completed to. */
enum cmd_words { WORDS_NONE, WORDS_FILE, WORDS_KIND, WORDS_DEVICE, WORDS_NAMESPACE, WORDS_COMMAND };

struct cmd_call;

struct cmd_option {
	const char *name;  /* "no-vm", without the dashes; NULL ends a list */
	char letter;	   /* 'n' for -n; 0: none */
	const char *value; /* "SECONDS"; NULL: it takes none */
	const char *doc;   /* one line */
};

struct cmd {
	const char *name;
	const char *arguments; /* "[FILE…]"; NULL: it takes none */
	const char *summary;   /* one line */
	const char *manual;    /* paragraphs, an empty line between them; no line breaks within */
	const struct cmd_option *options; /* of its own, or NULL */
	unsigned int shared;		  /* CMD_… */
	int least, most;		  /* arguments; most -1: any number */
	enum cmd_words words;
	const char *verbs; /* what the first argument may be, "new public"; NULL: as the others */
	int (*run)(struct cmd_call *call); /* gives the exit code */
};

struct cmd_given {
	const struct cmd_option *option;
	const char *value; /* "yes" for one that takes none */
};

struct cmd_call {
	const struct cmd *cmd;
	struct loom *loom; /* host, name, adopt, force are set */
	bool json, quiet, verbose;
	bool progress; /* plan_progress: a line on the terminal is to be wiped at the end */
	int argc;
	char **argv; /* arguments only; NULL-terminated */
	struct cmd_given *given;
	size_t given_count;
};

/* All commands in the order of the help; NULL-terminated. */
extern const struct cmd *const commands[];
const struct cmd *cmd_find(const char *name);	     /* NULL: none */
extern const struct cmd_option cmd_common_options[]; /* --json -q -v -h: every command has them */
/* The i-th option that a command takes besides these, shared ones first; NULL: no more. */
const struct cmd_option *cmd_option_at(const struct cmd *cmd, size_t i);

/* An option of its own: the value it was given last, "yes" for one without; NULL: not given. */
const char *cmd_value(const struct cmd_call *call, const char *option);

/* The program's main: argv[1] names the command. */
int cmd_main(int argc, char **argv);

/*
 * Ends a command: prints the document as JSON (--json); else its errors and warnings to stderr and,
 * where the operation came to something, the text (not with -q; print NULL: no text). Frees it.
 * Returns the exit code.
 */
int cmd_answer(const struct cmd_call *call, enum loom_status status, struct loom_doc *doc,
	       void (*print)(const struct cmd_call *call, const struct loom_doc *doc));

/* A command line that asks wrongly: says so (printf form) and where help is; returns 2. */
int cmd_usage(const struct cmd_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* `errors` and `warnings` of a document as lines on stderr. */
void cmd_errors(const struct loom_doc *doc);

/*
 * Text on stdout. Colour only on a terminal (and without NO_COLOR); ink(INK_NONE) ends one.
 * Lines are folded to the terminal's width; where there is none they are left as they are.
 */
enum ink { INK_NONE, INK_BOLD, INK_DIM, INK_GREEN, INK_YELLOW, INK_RED, INK_BLUE, INK_COUNT };
const char *ink(enum ink which);   /* an escape sequence, or "" */
int out_columns(void);		   /* of the terminal; 0: no terminal */
size_t out_size(const char *text); /* columns that a UTF-8 text takes, escapes not counted */
/* Prints at `column` (where the cursor is), folding with `indent` blanks; ends the line. */
void out_folded(int column, int indent, const char *text);
/* The same on stderr, from its first column. */
void err_folded(int indent, const char *text);
/* A row of cells; column widths are learned from all rows; the last column is folded. */
struct table;
struct table *table_new(size_t columns);
void table_cell(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));		   /* fills rows from left to right */
void table_ink(struct table *table, enum ink which);	   /* of the cell last added */
void table_print(struct table *table, int indent);	   /* and frees it */
void out_bytes(char *text, size_t size, double bytes);	   /* "1.4 MiB" */
void out_seconds(char *text, size_t size, double seconds); /* "3 min 12 s" */

/* A scalar of a document as the description would have it: "1400", "true", "br0". */
void out_value(FILE *stream, const struct loom_doc *value);

/* A text for the manual: what troff would take for its own is escaped. */
void roff_text(const char *text);

/* One tunnel and its peers, behind `indent` blanks: see tunnel.c. */
void tunnel_print(const struct cmd_call *call, const struct loom_doc *tunnel, int indent);

/* What `up`, `plan`, `down`, `add`, `set`, `del` and `undo` have in common: see plan_text.c. */
void plan_print(const struct cmd_call *call, const struct loom_doc *doc);
void plan_progress(struct cmd_call *call); /* shows the steps while they run, on a terminal */
