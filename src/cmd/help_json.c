/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands as JSON. */
#include "cmd/cmd.h"
#include "cmd/help.h"

static void text_print(const char *key, const char *text, const char *behind)
{
	printf("\"%s\": \"", key);
	for (; text && *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if (*text == '\n')
			fputs("\\n", stdout);
		else
			putchar(*text);
	}
	printf("\"%s", behind);
}

static void options_print(const struct cmd *cmd)
{
	const struct cmd_option *option;

	fputs("\"options\": [", stdout);
	for (size_t i = 0; (option = cmd_option_at(cmd, i)); i++) {
		fputs(i ? ", {" : "{", stdout);
		text_print("name", option->name, ", ");
		if (option->value)
			text_print("value", option->value, ", ");
		text_print("help", option->doc, "}");
	}
	for (option = cmd_common_options; option->name; option++) {
		fputs(cmd_option_at(cmd, 0) || option != cmd_common_options ? ", {" : "{", stdout);
		text_print("name", option->name, ", ");
		text_print("help", option->doc, "}");
	}
	fputs("]", stdout);
}

void help_json(const struct cmd *cmd)
{
	const char *comma = "";

	puts("{\"commands\": [");
	for (size_t i = 0; commands[i]; i++) {
		if (cmd && commands[i] != cmd)
			continue;
		printf("%s  {", comma);
		text_print("name", commands[i]->name, ", ");
		text_print("arguments", commands[i]->arguments, ", ");
		text_print("summary", commands[i]->summary, ", ");
		text_print("help", commands[i]->manual, ", ");
		options_print(commands[i]);
		fputs("}", stdout);
		comma = ",\n";
	}
	puts("\n]}");
}
