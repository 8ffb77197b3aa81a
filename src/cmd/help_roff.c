/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manual's section of commands, in man(7)'s macros. */
#include "cmd/cmd.h"
#include "cmd/help.h"

#include <string.h>

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

	printf(".SS \"lanloom %s%s", cmd->name, cmd->arguments ? " " : "");
	roff_text(cmd->arguments ? cmd->arguments : "");
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

void help_roff(void)
{
	for (size_t i = 0; commands[i]; i++)
		roff_command(commands[i]);
	puts(".SS \"options of every command\"");
	for (const struct cmd_option *option = cmd_common_options; option->name; option++)
		roff_option(option);
}
