/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a command line to a call: finds the command's row, parses by its table, runs it. Long
 * options take their value behind '=' or as the next word, short ones may be joined (-qv).
 */
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cmd_option cmd_common_options[] = {
	{"json", 0, NULL, "answer with one JSON document on standard output"},
	{"quiet", 'q', NULL, "say nothing but errors"},
	{"verbose", 'v', NULL, "say more"},
	{"help", 'h', NULL, "show this help"},
	{0},
};

static const struct {
	unsigned int flag;
	struct cmd_option option;
} shared[] = {
	{CMD_HOST,
	 {"host", 0, "NAME",
	  "whose part of a file with hosts is meant (default: the host's name)"}},
	{CMD_NAME, {"name", 0, "NAME", "the description's name, where the text has none"}},
	{CMD_ADOPT, {"adopt", 0, NULL, "take over foreign objects that the description names"}},
	{CMD_FORCE,
	 {"force", 0, NULL, "also where somebody else's object dies or a TAP in use goes"}},
	{CMD_GUARD,
	 {"confirm", 0, "SECONDS",
	  "undo the change unless lanloom confirm comes in time; 0: never"}},
	{CMD_GUARD,
	 {"keep", 0, "TARGET",
	  "undo the change if this address or host:port is out of reach then; none: not even "
	  "the SSH client"}},
};
#define SHARED_COUNT (sizeof(shared) / sizeof(shared[0]))

const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const struct cmd_option *cmd_option_at(const struct cmd *cmd, size_t i)
{
	for (size_t s = 0; s < SHARED_COUNT; s++)
		if (cmd->shared & shared[s].flag && i-- == 0)
			return &shared[s].option;
	for (size_t own = 0; cmd->options && cmd->options[own].name; own++)
		if (i-- == 0)
			return &cmd->options[own];
	return NULL;
}

const char *cmd_value(const struct cmd_call *call, const char *option)
{
	for (size_t i = call->given_count; i-- > 0;)
		if (strcmp(call->given[i].option->name, option) == 0)
			return call->given[i].value;
	return NULL;
}

static const struct cmd_option *option_find(const struct cmd *cmd, const char *name, size_t size,
					    char letter)
{
	const struct cmd_option *option;

	for (size_t i = 0;; i++) {
		option = i < 4 ? &cmd_common_options[i] : cmd_option_at(cmd, i - 4);
		if (!option)
			return NULL;
		if (letter ? option->letter == letter
			   : strncmp(option->name, name, size) == 0 && !option->name[size])
			return option;
	}
}

/* Keeps what an option of the command line says. */
static void option_take(struct cmd_call *call, const struct cmd_option *option, const char *value)
{
	if (strcmp(option->name, "json") == 0)
		call->json = true;
	else if (strcmp(option->name, "quiet") == 0)
		call->quiet = true;
	else if (strcmp(option->name, "verbose") == 0)
		call->verbose = true;
	else
		call->given[call->given_count++] = (struct cmd_given){option, value};
}

static int option_unknown(const struct cmd_call *call, const char *name, size_t size)
{
	const char *words[32], *nearest;
	const struct cmd_option *option;
	char text[64];
	size_t len = 0;

	for (size_t i = 0; i < 4; i++)
		words[len++] = cmd_common_options[i].name;
	for (size_t i = 0; len < 31 && (option = cmd_option_at(call->cmd, i)); i++)
		words[len++] = option->name;
	words[len] = NULL;
	snprintf(text, sizeof(text), "%.*s", (int)size, name);
	nearest = loom_nearest(text, words);
	return cmd_usage(call, "%s has no option --%s%s%s%s", call->cmd->name, text,
			 nearest ? "; did you mean --" : "", nearest ? nearest : "",
			 nearest ? "?" : "");
}

/* --name, --name=value, --name value. Returns how many words it took, or minus an exit code. */
static int long_parse(struct cmd_call *call, char **words)
{
	const char *name = words[0] + 2, *equals = strchr(name, '=');
	size_t size = equals ? (size_t)(equals - name) : strlen(name);
	const struct cmd_option *option = option_find(call->cmd, name, size, 0);

	if (!option)
		return -option_unknown(call, name, size);
	if (!option->value && equals)
		return -cmd_usage(call, "--%s takes no value", option->name);
	if (option->value && !equals && !words[1])
		return -cmd_usage(call, "--%s needs a value: %s", option->name, option->value);
	if (!option->value)
		option_take(call, option, "yes");
	else
		option_take(call, option, equals ? equals + 1 : words[1]);
	return option->value && !equals ? 2 : 1;
}

/* -q, -qv, -nVALUE, -n VALUE. */
static int short_parse(struct cmd_call *call, char **words)
{
	for (const char *letter = words[0] + 1; *letter; letter++) {
		const struct cmd_option *option = option_find(call->cmd, NULL, 0, *letter);

		if (!option)
			return -cmd_usage(call, "%s has no option -%c", call->cmd->name, *letter);
		if (!option->value) {
			option_take(call, option, "yes");
			continue;
		}
		if (!letter[1] && !words[1])
			return -cmd_usage(call, "-%c needs a value: %s", *letter, option->value);
		option_take(call, option, letter[1] ? letter + 1 : words[1]);
		return letter[1] ? 1 : 2;
	}
	return 1;
}

/* --json holds for the errors of the command line, too, also those before it. */
static bool json_asked(const struct cmd *cmd, char **words)
{
	for (; *words && strcmp(*words, "--") != 0; words++) {
		if (strcmp(*words, "--json") == 0)
			return true;
		if ((*words)[0] != '-' && cmd && cmd->shared & CMD_STOPS)
			return false;
	}
	return false;
}

/* Sorts the words into options and arguments; 0, or the exit code of a wrong command line. */
static int words_parse(struct cmd_call *call, char **words)
{
	bool options = true;

	while (*words) {
		int took = 1;

		if (options && strcmp(*words, "--") == 0)
			options = false;
		else if (options && strncmp(*words, "--", 2) == 0)
			took = long_parse(call, words);
		else if (options && (*words)[0] == '-' && (*words)[1])
			took = short_parse(call, words);
		else
			call->argv[call->argc++] = *words;
		if (took < 0)
			return -took;
		words += took;
		options = options && !(call->cmd->shared & CMD_STOPS && call->argc);
	}
	return 0;
}

/* Who sits at a terminal over SSH is asked whether it still works. */
static int guard_set(struct cmd_call *call)
{
	const char *confirm = cmd_value(call, "confirm");

	if (!confirm && isatty(STDIN_FILENO))
		confirm = "uplink";
	if (loom_option(call->loom, "confirm", confirm))
		return cmd_usage(call, "--confirm takes seconds, at most a day, not \"%s\"",
				 confirm);
	for (size_t i = 0; i < call->given_count; i++)
		if (strcmp(call->given[i].option->name, "keep") == 0)
			loom_option(call->loom, "keep", call->given[i].value);
	return 0;
}

static int shared_set(struct cmd_call *call)
{
	for (size_t i = 0; i < SHARED_COUNT; i++)
		if (call->cmd->shared & shared[i].flag & ~(unsigned int)CMD_GUARD)
			loom_option(call->loom, shared[i].option.name,
				    cmd_value(call, shared[i].option.name));
	return call->cmd->shared & CMD_GUARD ? guard_set(call) : 0;
}

/* What the history is told: the command line as it was typed. */
static void command_set(struct cmd_call *call, char **words)
{
	char line[256] = "";

	for (size_t at = 0; *words && at < sizeof(line) - 1; words++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%s%s", at ? " " : "", *words);
	loom_option(call->loom, "command", line);
}

static int call_run(struct cmd_call *call, char **words)
{
	int r;

	call->json = json_asked(call->cmd, words + 1);
	r = words_parse(call, words + 1);
	if (r)
		return r;
	if (cmd_value(call, "help")) {
		call->argc = 0;
		call->argv[call->argc++] = words[0];
		call->argv[call->argc] = NULL;
		return cmd_find("help")->run(call);
	}
	if (call->argc < call->cmd->least)
		return cmd_usage(call, "usage: lanloom %s %s", call->cmd->name,
				 call->cmd->arguments ? call->cmd->arguments : "");
	if (call->cmd->most >= 0 && call->argc > call->cmd->most)
		return cmd_usage(call, "%s: one argument too many: \"%s\"", call->cmd->name,
				 call->argv[call->cmd->most]);
	r = shared_set(call);
	if (r)
		return r;
	command_set(call, words);
	return call->cmd->run(call);
}

static int command_unknown(struct cmd_call *call, char **words)
{
	const char *word = words[0];
	const char *names[64], *nearest;
	size_t len = 0;

	for (; commands[len] && len < 63; len++)
		names[len] = commands[len]->name;
	names[len] = NULL;
	call->json = json_asked(NULL, words);
	if (word[0] == '-')
		return cmd_usage(call, "options stand behind the command; expected: lanloom %s %s",
				 words[1] && cmd_find(words[1]) ? words[1] : "COMMAND", word);
	nearest = loom_nearest(word, names);
	return cmd_usage(call, "there is no command \"%s\"%s%s%s", word,
			 nearest ? "; did you mean " : "", nearest ? nearest : "",
			 nearest ? "?" : "");
}

/* Every letter of a word may be an option (-qv). */
static size_t options_most(char **words)
{
	size_t most = 1;

	for (; *words; words++)
		most += strlen(*words);
	return most;
}

int cmd_main(int argc, char **argv)
{
	static char help[] = "help", *bare[] = {help, NULL};
	struct cmd_call call = {.loom = loom_new()};
	char **words = argv + 1;
	int code;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		words = bare;
	call.argv = calloc((size_t)argc + 2, sizeof(*call.argv));
	call.given = calloc(options_most(argv), sizeof(*call.given));
	if (!call.loom || !call.argv || !call.given) {
		fprintf(stderr, "lanloom: out of memory\n");
		return LOOM_FAILED;
	}
	if (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0) {
		printf("lanloom %s\n", loom_version());
		code = LOOM_DONE;
	} else {
		call.cmd = cmd_find(words[0]);
		code = call.cmd ? call_run(&call, words) : command_unknown(&call, words);
	}
	/* without a command the help is an answer, but not to what was asked */
	if (argc < 2)
		code = LOOM_USAGE;
	free(call.argv);
	free(call.given);
	loom_free(call.loom);
	return code;
}
