/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the user of the demo sees: titles, sentences, commands and their output, times. */
#include "cmd/demo.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 78 };

void tell_title(struct demo *demo, const char *text)
{
	if (demo->quiet)
		return;
	printf("\n%s%d. %s%s\n", ink(INK_BOLD), ++demo->scene, text, ink(INK_NONE));
	fflush(stdout);
}

/*
 * Folds at WIDTH also where there is no terminal: a log is read by people, too. A line break at the
 * begin of the text is an empty line.
 */
void tell(struct demo *demo, const char *format, ...)
{
	char text[1200], *word, *rest = text;
	size_t column = 0;
	va_list args;

	if (demo->quiet)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (*rest == '\n') {
		putchar('\n');
		rest++;
	}
	while (*rest && (word = strsep(&rest, " "))) {
		size_t size = out_size(word);

		if (column && column + 1 + size > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s", column ? " " : "   ") + size;
		fputs(word, stdout);
		if (!rest)
			break;
	}
	if (column)
		putchar('\n');
	fflush(stdout);
}

void tell_text(struct demo *demo, const char *text)
{
	if (demo->quiet)
		return;
	while (*text) {
		size_t size = strcspn(text, "\n");

		printf("%s%.*s\n", size ? "      " : "", (int)size, text);
		text += size + (text[size] == '\n');
	}
	fflush(stdout);
}

void tell_command(struct demo *demo, const char *where, const char *command)
{
	if (demo->quiet)
		return;
	printf("\n   %s%s$%s %s%s%s\n", ink(INK_DIM), where, ink(INK_NONE), ink(INK_BLUE), command,
	       ink(INK_NONE));
	fflush(stdout);
}

double tell_begin(struct demo *demo, const char *text)
{
	if (!demo->quiet) {
		printf("   %s … ", text);
		fflush(stdout);
	}
	return demo_now();
}

void tell_end(struct demo *demo, double begun)
{
	if (demo->quiet)
		return;
	printf("%s%.1f s%s\n", ink(INK_GREEN), demo_now() - begun, ink(INK_NONE));
	fflush(stdout);
}

void tell_dump(struct demo *demo, const uint8_t *bytes, size_t size)
{
	if (demo->quiet)
		return;
	for (size_t at = 0; at < size; at += 16) {
		printf("      %04zx  ", at);
		for (size_t i = at; i < at + 16; i++) {
			if (i < size)
				printf("%02x ", bytes[i]);
			else
				printf("   ");
		}
		putchar(' ');
		for (size_t i = at; i < at + 16 && i < size; i++)
			putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
		putchar('\n');
	}
	fflush(stdout);
}
