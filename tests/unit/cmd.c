/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What commands share: the table of commands, units, folding. */
#include "test.h"

#include "cmd/cmd.h"

static void every_command_is_whole(void)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct cmd *cmd = commands[i];
		const struct cmd_option *option;

		CHECK(cmd_find(cmd->name) == cmd);
		CHECK(cmd->summary && cmd->manual && cmd->run);
		CHECK(cmd->most == -1 || cmd->most >= cmd->least);
		/* who takes arguments says which */
		CHECK(!cmd->arguments == (cmd->most == 0));
		for (size_t o = 0; (option = cmd_option_at(cmd, o)); o++)
			CHECK(option->name && option->doc);
	}
	CHECK(!cmd_find("nothing"));
}

static void no_option_stands_twice(void)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct cmd_option *a, *b;

		for (size_t m = 0; (a = cmd_option_at(commands[i], m)); m++)
			for (size_t n = 0; n < m && (b = cmd_option_at(commands[i], n)); n++)
				CHECK(strcmp(a->name, b->name) != 0 &&
				      (!a->letter || a->letter != b->letter));
	}
}

static void columns_are_characters(void)
{
	CHECK(out_size("br0") == 3);
	CHECK(out_size("1500 → 1400") == 11);
	CHECK(out_size("\033[1mbr0\033[0m") == 3);
	CHECK(out_size("") == 0);
}

static const char *bytes(double number)
{
	static char text[32];

	out_bytes(text, sizeof(text), number);
	return text;
}

static const char *seconds(double number)
{
	static char text[32];

	out_seconds(text, sizeof(text), number);
	return text;
}

static void units_are_for_people(void)
{
	CHECK_TEXT(bytes(0), "0 B");
	CHECK_TEXT(bytes(1023), "1023 B");
	CHECK_TEXT(bytes(1536), "1.5 KiB");
	CHECK_TEXT(bytes(200.0 * 1024 * 1024), "200 MiB");
	CHECK_TEXT(seconds(3.25), "3.2 s");
	CHECK_TEXT(seconds(59), "59 s");
	CHECK_TEXT(seconds(192), "3 min 12 s");
	CHECK_TEXT(seconds(7260), "2 h 1 min");
	CHECK_TEXT(seconds(200000), "2 d 7 h");
}

int main(void)
{
	TEST(every_command_is_whole);
	TEST(no_option_stands_twice);
	TEST(columns_are_characters);
	TEST(units_are_for_people);
	return test_done();
}
