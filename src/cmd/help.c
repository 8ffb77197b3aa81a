/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Help, the manual's section of commands, and the shell's completion: three walks over one table.
 */
#include "cmd/cmd.h"

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
	       cmd->arguments[0] ? " " : "", cmd->arguments);
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
		table_cell(table, "%s%s%s", commands[i]->name, commands[i]->arguments[0] ? " " : "",
			   commands[i]->arguments);
		table_ink(table, INK_BOLD);
		table_cell(table, "%s", commands[i]->summary);
	}
	table_print(table, 2);
	puts("\nlanloom help COMMAND tells more; so does lanloom(1).");
}

void roff_text(const char *text)
{
	bool start = true;

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
		start = *text == '\n';
	}
}

static void roff_option(const struct cmd_option *option)
{
	fputs(".TP\n", stdout);
	if (option->letter)
		printf("\\fB\\-%c\\fR, ", option->letter);
	fputs("\\fB\\-\\-", stdout);
	roff_text(option->name);
	printf("\\fR%s%s%s\n", option->value ? " \\fI" : "", option->value ? option->value : "",
	       option->value ? "\\fR" : "");
	roff_text(option->doc);
	putchar('\n');
}

static void roff_command(const struct cmd *cmd)
{
	const struct cmd_option *option;

	printf(".SS \"lanloom %s", cmd->name);
	if (cmd->arguments[0])
		putchar(' ');
	roff_text(cmd->arguments);
	fputs("\"\n", stdout);
	for (const char *text = cmd->manual; *text;) {
		const char *end = strstr(text, "\n\n");
		char paragraph[2000];

		snprintf(paragraph, sizeof(paragraph), "%.*s",
			 end ? (int)(end - text) : (int)strlen(text), text);
		if (text != cmd->manual)
			puts(".PP");
		roff_text(paragraph);
		putchar('\n');
		text = end ? end + 2 : text + strlen(text);
	}
	for (size_t i = 0; (option = cmd_option_at(cmd, i)); i++)
		roff_option(option);
}

static void roff_print(void)
{
	for (size_t i = 0; commands[i]; i++)
		roff_command(commands[i]);
	puts(".SS \"options of every command\"");
	for (const struct cmd_option *option = cmd_common_options; option->name; option++)
		roff_option(option);
}

static void bash_options(const struct cmd *cmd)
{
	const struct cmd_option *option;

	printf("\t%s) options='", cmd->name);
	for (size_t i = 0; (option = cmd_option_at(cmd, i)); i++)
		printf("--%s ", option->name);
	for (option = cmd_common_options; option->name; option++)
		printf("--%s%s", option->name, option[1].name ? " " : "");
	printf("' words=%d ;;\n", (int)cmd->words);
}

/* KIND) keys='mtu= up= …' ;; */
static void bash_keys(const struct loom_doc *kind)
{
	const struct loom_doc *keys = loom_get(kind, "keys"), *lists = loom_get(kind, "lists");

	if (loom_truth(kind, "hidden"))
		return;
	printf("\t%s) keys='", loom_text(kind, "name"));
	for (size_t i = 0; i < loom_count(keys); i++) {
		const struct loom_doc *key = loom_at(keys, i);

		if (!loom_truth(key, "identity") && !loom_truth(key, "read-only"))
			printf("%s= ", loom_text(key, "key"));
	}
	for (size_t i = 0; i < loom_count(lists); i++)
		printf("%s= ", loom_text(loom_at(lists, i), "key"));
	puts("' ;;");
}

static void bash_print(const struct loom_doc *kinds)
{
	puts("# bash completion for lanloom, made by: lanloom help --bash");
	puts("_lanloom() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} options= words=0 keys= names=");
	fputs("\tlocal commands='", stdout);
	for (size_t i = 0; commands[i]; i++)
		printf("%s%s", i ? " " : "", commands[i]->name);
	fputs("'\n\tlocal kinds='", stdout);
	for (size_t i = 0; i < loom_count(kinds); i++)
		if (!loom_truth(loom_at(kinds, i), "hidden"))
			printf("%s ", loom_text(loom_at(kinds, i), "name"));
	puts("'\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	     "\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; commands[i]; i++)
		bash_options(commands[i]);
	puts("\tesac\n\tcase ${COMP_WORDS[2]} in");
	for (size_t i = 0; i < loom_count(kinds); i++)
		bash_keys(loom_at(kinds, i));
	printf("\tesac\n"
	       "\tnames=$(ls /sys/class/net 2>/dev/null)\n"
	       "\tif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\tcase $words in\n"
	       "\t%d) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	       "\t%d) if [ \"$COMP_CWORD\" = 2 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$kinds\" -- \"$cur\"))\n"
	       "\t\telif [ \"$COMP_CWORD\" -gt 3 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$keys\" -- \"$cur\"))\n"
	       "\t\t\tcompopt -o nospace\n\t\tfi ;;\n"
	       "\t%d) COMPREPLY=($(compgen -W \"$names\" -- \"$cur\")) ;;\n"
	       "\t%d) if [ \"$COMP_CWORD\" = 2 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$(ls /run/netns 2>/dev/null)\" -- \"$cur\"))\n"
	       "\t\telse\n\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n\t\tfi ;;\n"
	       "\t%d) COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\")) ;;\n"
	       "\tesac\n}\ncomplete -F _lanloom lanloom\n",
	       WORDS_FILE, WORDS_KIND, WORDS_DEVICE, WORDS_NAMESPACE, WORDS_COMMAND);
}

static int bash_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_kinds(call->loom, NULL, &doc);

	if (status == LOOM_DONE)
		bash_print(loom_get(doc, "kinds"));
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
		roff_print();
		return LOOM_DONE;
	}
	if (!call->argc) {
		overview_print();
		return LOOM_DONE;
	}
	cmd = cmd_find(call->argv[0]);
	if (cmd) {
		command_print(cmd);
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
