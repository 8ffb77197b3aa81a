/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text on a terminal: colour, folding, tables. On a pipe the same text comes plain and unfolded,
 * so that grep and awk see one fact a line.
 */
#include "cmd/cmd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *ink(enum ink which)
{
	static const char *const escapes[] = {"\033[0m",  "\033[1m",  "\033[2m", "\033[32m",
					      "\033[33m", "\033[31m", "\033[36m"};
	_Static_assert(sizeof(escapes) / sizeof(escapes[0]) == INK_COUNT, "an escape per ink");
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || (no && no[0]) || (term && strcmp(term, "dumb") == 0))
		return "";
	return escapes[which];
}

static int columns_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (!isatty(fd))
		return 0;
	if (columns && atoi(columns) > 0)
		return atoi(columns);
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

int out_columns(void)
{
	return columns_of(STDOUT_FILENO);
}

/* The end of the escape sequence that begins here; where none does, `text` itself. */
static const char *escape_end(const char *text)
{
	if (text[0] != '\033' || text[1] != '[')
		return text;
	for (text += 2; *text && *text != 'm'; text++)
		;
	return *text ? text + 1 : text;
}

/* Columns of the bytes from `text` to `end`: one for each UTF-8 character. */
static size_t columns_between(const char *text, const char *end)
{
	size_t columns = 0;

	while (text < end) {
		const char *after = escape_end(text);

		if (after != text) {
			text = after;
			continue;
		}
		columns += ((unsigned char)*text & 0xc0) != 0x80;
		text++;
	}
	return columns;
}

size_t out_size(const char *text)
{
	return columns_between(text, text + strlen(text));
}

static void folded(FILE *file, int width, int column, int indent, const char *text)
{
	int at = column;

	if (width && width - indent < 20)
		width = 0; /* too narrow to fold well: let the terminal do it */
	for (bool first = true; *text; first = false) {
		size_t size = strcspn(text, " ");
		int columns = (int)columns_between(text, text + size);

		if (!first && width && at + 1 + columns > width) {
			fprintf(file, "\n%*s", indent, "");
			at = indent;
		} else if (!first) {
			putc(' ', file);
			at++;
		}
		fwrite(text, 1, size, file);
		at += columns;
		text += size;
		text += *text == ' ';
	}
	putc('\n', file);
}

void out_folded(int column, int indent, const char *text)
{
	folded(stdout, out_columns(), column, indent, text);
}

void err_folded(int indent, const char *text)
{
	folded(stderr, columns_of(STDERR_FILENO), 0, indent, text);
}

struct cell {
	char *text;
	enum ink ink;
};

struct table {
	size_t columns;
	struct cell *cells;
	size_t len;
};

struct table *table_new(size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		abort();
	table->columns = columns;
	return table;
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	table->cells = reallocarray(table->cells, table->len + 1, sizeof(*table->cells));
	if (!table->cells)
		abort();
	table->cells[table->len++] = (struct cell){.text = text};
}

void table_ink(struct table *table, enum ink which)
{
	table->cells[table->len - 1].ink = which;
}

static size_t column_size(const struct table *table, size_t column)
{
	size_t size = 0;

	for (size_t i = column; i < table->len; i += table->columns)
		if (out_size(table->cells[i].text) > size)
			size = out_size(table->cells[i].text);
	return size;
}

static void row_print(const struct table *table, size_t row, const size_t *sizes, int indent)
{
	int column = indent;

	printf("%*s", indent, "");
	for (size_t i = 0; i < table->columns; i++) {
		const struct cell *cell = &table->cells[row * table->columns + i];
		int gap = (int)(sizes[i] - out_size(cell->text)) + 2;

		if (cell->ink != INK_NONE)
			fputs(ink(cell->ink), stdout);
		if (i + 1 == table->columns)
			out_folded(column, column, cell->text);
		else
			fputs(cell->text, stdout);
		if (cell->ink != INK_NONE)
			fputs(ink(INK_NONE), stdout);
		if (i + 1 < table->columns)
			printf("%*s", sizes[i] ? gap : 0, "");
		column += sizes[i] ? (int)sizes[i] + 2 : 0;
	}
}

void table_print(struct table *table, int indent)
{
	size_t sizes[16] = {0};

	for (size_t i = 0; i < table->columns && i < 16; i++)
		sizes[i] = column_size(table, i);
	for (size_t row = 0; (row + 1) * table->columns <= table->len; row++)
		row_print(table, row, sizes, indent);
	for (size_t i = 0; i < table->len; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void out_bytes(char *text, size_t size, double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;

	for (; bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		bytes /= 1024;
	snprintf(text, size, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void out_seconds(char *text, size_t size, double seconds)
{
	unsigned long whole = (unsigned long)seconds;

	if (seconds < 60)
		snprintf(text, size, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
	else if (whole < 3600)
		snprintf(text, size, "%lu min %lu s", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(text, size, "%lu h %lu min", whole / 3600, whole % 3600 / 60);
	else
		snprintf(text, size, "%lu d %lu h", whole / 86400, whole % 86400 / 3600);
}

void out_value(FILE *stream, const struct loom_doc *value)
{
	switch (loom_type(value)) {
	case LOOM_TEXT:
		fputs(loom_text(value, NULL), stream);
		break;
	case LOOM_NUMBER:
		fprintf(stream, "%.10g", loom_number(value, NULL));
		break;
	case LOOM_TRUTH:
		fputs(loom_truth(value, NULL) ? "true" : "false", stream);
		break;
	case LOOM_NULL:
	case LOOM_OBJECT:
	case LOOM_LIST:
		fputs("unset", stream);
		break;
	}
}
