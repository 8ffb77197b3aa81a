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

/* Bytes before the first letter or digit, and their columns: what folded lines are set under. */
static size_t leading(const char *line, size_t size, size_t *columns)
{
	size_t i;

	*columns = 0;
	for (i = 0; i < size && !isalnum((unsigned char)line[i]); i++)
		*columns +=
			((unsigned char)line[i] & 0xc0) != 0x80; /* not for UTF-8's later bytes */
	return i;
}

/* How many bytes of a line fit into `room` columns, up to a blank where there is one. */
static size_t fitting(const char *line, size_t size, size_t room)
{
	size_t columns = 0, blank = 0, i;

	for (i = 0; i < size && columns <= room; i++) {
		if (line[i] == ' ' && i > 0 && line[i - 1] != ' ')
			blank = i;
		columns += ((unsigned char)line[i] & 0xc0) != 0x80;
	}
	if (columns <= room)
		return size;
	return blank ? blank : i;
}

/* The trunks of a tree that go on below a folded line: │ and ├ do, └ ends. */
static void tell_trunks(const char *line, size_t bytes, size_t columns)
{
	size_t column = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (((unsigned char)line[i] & 0xc0) == 0x80)
			continue;
		fputs(!strncmp(line + i, "│", 3) || !strncmp(line + i, "├", 3) ? "│" : " ", stdout);
		column++;
	}
	printf("%*s", (int)(columns - column), "");
}

static void tell_line(const char *line, size_t size)
{
	size_t indent, lead = leading(line, size, &indent), at, n;

	indent += 4;
	at = fitting(line, size, WIDTH - 6);
	/* a blank among the leading ones is no place to fold */
	if (at <= lead)
		at = size;
	printf("      %.*s\n", (int)at, line);
	while (at < size) {
		at += strspn(line + at, " ") < size - at ? strspn(line + at, " ") : 0;
		n = fitting(line + at, size - at, WIDTH - 6 - indent);
		fputs("      ", stdout);
		tell_trunks(line, lead, indent);
		printf("%.*s\n", (int)n, line + at);
		at += n;
	}
}

void tell_text(struct demo *demo, const char *text)
{
	if (demo->quiet)
		return;
	while (*text) {
		size_t size = strcspn(text, "\n");

		if (size)
			tell_line(text, size);
		else
			putchar('\n');
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
