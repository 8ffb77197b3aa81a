/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Help, the manual's section of commands, and the shell's completion: three walks over one table.
 */
#include "cmd/cmd.h"
#include "cmd/help.h"

#include <string.h>

static const struct cmd_option options[] = {
	{"man", 0, NULL, "the manual's section of commands (roff)"},
	{"bash", 0, NULL, "the completion for bash; source it from ~/.bashrc"},
	{0},
};

static void option_cells(struct table *table, const struct cmd_option *option)
{
	char letter[8] = "";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	table_cell(table, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
		   option->value ? option->value : "");
	table_cell(table, "%s", option->doc);
}

static void paragraphs_print(const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		char paragraph[2000];

		snprintf(paragraph, sizeof(paragraph), "%.*s",
			 end ? (int)(end - text) : (int)strlen(text), text);
		putchar('\n');
		out_folded(0, 0, paragraph);
		text = end ? end + 2 : text + strlen(text);
	}
}

static void command_print(const struct cmd *cmd)
{
	struct table *table = table_new(2);
	const struct cmd_option *option;

	printf("%slanloom %s%s%s%s%s\n", ink(INK_BOLD), cmd->name, ink(INK_NONE), " [OPTION…]",
	       cmd->arguments ? " " : "", cmd->arguments ? cmd->arguments : "");
	out_folded(0, 0, cmd->summary);
	paragraphs_print(cmd->manual);
	puts("\nOptions:");
	for (size_t i = 0; (option = cmd_option_at(cmd, i)); i++)
		option_cells(table, option);
	for (option = cmd_common_options; option->name; option++)
		option_cells(table, option);
	table_print(table, 2);
}

static void overview_print(void)
{
	struct table *table = table_new(2);

	out_folded(0, 0,
		   "lanloom weaves LANs: devices, bridges, namespaces and encrypted tunnels from "
		   "one description.");
	puts("\nUsage: lanloom COMMAND [OPTION…] [ARGUMENT…]\n");
	for (size_t i = 0; commands[i]; i++) {
		const char *arguments = commands[i]->arguments;

		table_cell(table, "%s%s%s", commands[i]->name, arguments ? " " : "",
			   arguments ? arguments : "");
		table_ink(table, INK_BOLD);
		table_cell(table, "%s", commands[i]->summary);
	}
	table_print(table, 2);
	puts("\nlanloom help COMMAND tells more; so does lanloom(1).");
}

static int bash_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_kinds(call->loom, NULL, &doc);

	if (status == LOOM_DONE)
		help_bash(loom_get(doc, "kinds"));
	call->json = false;
	return cmd_answer(call, status, doc, NULL);
}

static int help_run(struct cmd_call *call)
{
	const char *names[64];
	const struct cmd *cmd;
	size_t len = 0;

	if (cmd_value(call, "bash"))
		return bash_run(call);
	if (cmd_value(call, "man")) {
		help_roff();
		return LOOM_DONE;
	}
	cmd = call->argc ? cmd_find(call->argv[0]) : NULL;
	if (cmd || !call->argc) {
		if (call->json)
			help_json(cmd);
		else if (cmd)
			command_print(cmd);
		else
			overview_print();
		return LOOM_DONE;
	}
	for (; commands[len] && len < 63; len++)
		names[len] = commands[len]->name;
	names[len] = NULL;
	if (loom_nearest(call->argv[0], names))
		return cmd_usage(call, "there is no command \"%s\"; did you mean %s?",
				 call->argv[0], loom_nearest(call->argv[0], names));
	return cmd_usage(call, "there is no command \"%s\"", call->argv[0]);
}

const struct cmd cmd_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "this overview, or the help of one command",
	.manual = "Tells what a command does and which options it takes. lanloom --version prints "
		  "the "
		  "version.",
	.options = options,
	.most = 1,
	.words = WORDS_COMMAND,
	.run = help_run,
};
