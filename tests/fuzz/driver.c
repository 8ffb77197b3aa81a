/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives a target without coverage, always the same way: input N of seed S is made of the seeds by
 * a random sequence that begins with S and N, so any of them can be made again alone.
 *
 *	fuzz-NAME			the sample of `./dev test`, as TAP
 *	fuzz-NAME --runs N [--seed S]	that many
 *	fuzz-NAME --print N [--seed S]	writes input N to standard output
 *	fuzz-NAME --most		prints how long an input may be
 *	fuzz-NAME --corpus FOLDER	writes the seeds, and FOLDER.dict for libFuzzer
 *	fuzz-NAME FILE…			runs these
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define CHANGES_MOST 8
#define HANG_S 30

struct drive {
	struct seeds seeds;
	uint64_t seed, random;
	uint8_t *bytes;
	size_t size;
};

/* Of the input that runs; for the handler of signals. */
static uint64_t current_seed, current_input;

static void died(int number)
{
	char text[200];
	int size = snprintf(text, sizeof(text),
			    "# %s: input %" PRIu64 " of seed %" PRIu64 " %s\n"
			    "# again: fuzz-%s --print %" PRIu64 " --seed %" PRIu64 " >FILE\n",
			    fuzz_name, current_input, current_seed,
			    number == SIGALRM ? "does not end" : "died", fuzz_name, current_input,
			    current_seed);

	if (write(1, text, (size_t)size) != size)
		_exit(3);
	signal(number, SIG_DFL);
	raise(number);
}

/* xorshift64*, begun by splitmix64 so that neighbouring numbers have nothing in common. */
static uint64_t draw(struct drive *drive)
{
	drive->random ^= drive->random >> 12;
	drive->random ^= drive->random << 25;
	drive->random ^= drive->random >> 27;
	return drive->random * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t below(struct drive *drive, size_t limit)
{
	return limit ? (size_t)(draw(drive) >> 16) % limit : 0;
}

static void draw_begin(struct drive *drive, uint64_t input)
{
	uint64_t z = drive->seed * UINT64_C(0x9e3779b97f4a7c15) + input;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	drive->random = (z ^ z >> 31) | 1;
}

/* Makes room of `more` bytes at `at`, as far as an input may grow. Returns how many. */
static size_t open_gap(struct drive *drive, size_t at, size_t more)
{
	if (more > fuzz_most - drive->size)
		more = fuzz_most - drive->size;
	memmove(drive->bytes + at + more, drive->bytes + at, drive->size - at);
	drive->size += more;
	return more;
}

static void overwrite(struct drive *drive, const void *bytes, size_t size)
{
	size_t at = below(drive, drive->size + 1);

	if (size > drive->size - at)
		size = drive->size - at;
	memcpy(drive->bytes + at, bytes, size);
}

static void insert(struct drive *drive, const void *bytes, size_t size)
{
	size_t at = below(drive, drive->size + 1);

	memcpy(drive->bytes + at, bytes, open_gap(drive, at, size));
}

static void change_byte(struct drive *drive)
{
	static const uint8_t telling[] = {0, 1, 2, 4, 0x0a, 0x20, 0x7f, 0x80, 0xfe, 0xff};
	size_t at = below(drive, drive->size);

	if (!drive->size)
		return;
	switch (below(drive, 4)) {
	case 0:
		drive->bytes[at] ^= (uint8_t)(1u << below(drive, 8));
		break;
	case 1:
		drive->bytes[at] = telling[below(drive, sizeof(telling))];
		break;
	case 2:
		drive->bytes[at] = (uint8_t)(drive->bytes[at] + below(drive, 7) - 3);
		break;
	case 3:
		drive->bytes[at] = (uint8_t)draw(drive);
		break;
	}
}

static void change_number(struct drive *drive)
{
	static const uint64_t telling[] = {0,	   1,	       0x7f,	   0xff,      0x7fff,
					   0xffff, 0x7fffffff, UINT32_MAX, UINT64_MAX};
	uint64_t number = telling[below(drive, sizeof(telling) / sizeof(telling[0]))];

	overwrite(drive, &number, (size_t)1 << below(drive, 4));
}

static void change_word(struct drive *drive)
{
	const char *word;

	if (!drive->seeds.word_count)
		return;
	word = drive->seeds.words[below(drive, drive->seeds.word_count)];
	if (below(drive, 2))
		insert(drive, word, strlen(word));
	else
		overwrite(drive, word, strlen(word));
}

/* A part is taken out, written twice, or comes from another seed. */
static void change_part(struct drive *drive)
{
	size_t at = below(drive, drive->size + 1), size = below(drive, drive->size - at + 1);
	const struct seed *other = &drive->seeds.list[below(drive, drive->seeds.len)];
	size_t from = below(drive, other->size + 1);

	switch (below(drive, 4)) {
	case 0:
		memmove(drive->bytes + at, drive->bytes + at + size, drive->size - at - size);
		drive->size -= size;
		break;
	case 1:
		size = open_gap(drive, at, size);
		memmove(drive->bytes + at, drive->bytes + at + size,
			size < drive->size - at - size ? size : drive->size - at - size);
		break;
	case 2:
		insert(drive, other->bytes + from, below(drive, other->size - from + 1));
		break;
	case 3:
		drive->size = at;
		break;
	}
}

static void input_make(struct drive *drive, uint64_t input)
{
	const struct seed *seed;

	draw_begin(drive, input);
	/* the seeds themselves come first */
	seed = &drive->seeds
			.list[input < drive->seeds.len ? input : below(drive, drive->seeds.len)];
	memcpy(drive->bytes, seed->bytes, seed->size);
	drive->size = seed->size;
	if (input < drive->seeds.len)
		return;
	for (size_t i = below(drive, CHANGES_MOST) + 1; i--;)
		switch (below(drive, 6)) {
		case 0:
		case 1:
			change_byte(drive);
			break;
		case 2:
			change_number(drive);
			break;
		case 3:
			change_word(drive);
			break;
		case 4:
			change_part(drive);
			break;
		case 5:
			insert(drive, &(uint64_t){draw(drive)}, below(drive, 8) + 1);
			break;
		}
}

/* The input lies in memory of its own size, so that reading behind its end is seen. */
static void run_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	fuzz_one(copy, size);
	free(copy);
}

static void run_all(struct drive *drive, uint64_t runs)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], died);
	current_seed = drive->seed;
	for (current_input = 0; current_input < runs; current_input++) {
		if (current_input % 256 == 0)
			alarm(HANG_S);
		input_make(drive, current_input);
		run_bytes(drive->bytes, drive->size);
	}
	alarm(0);
}

/* By the library's own calls: a target may have put others in place of ours. */
static int run_file(struct drive *drive, const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	drive->size = fread(drive->bytes, 1, fuzz_most, file);
	fclose(file);
	run_bytes(drive->bytes, drive->size);
	return 0;
}

static FILE *file_make(const char *folder, const char *name, size_t number)
{
	char path[4200];
	FILE *file;

	if (name)
		snprintf(path, sizeof(path), "%s.%s", folder, name);
	else
		snprintf(path, sizeof(path), "%s/seed%zu", folder, number);
	file = fopen(path, "w");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

/* libFuzzer's form: a quoted word a line, what is no plain letter as \xHH. */
static void word_write(FILE *file, const char *word)
{
	fputc('"', file);
	for (; *word; word++)
		if ((unsigned char)*word < ' ' || strchr("\"\\\x7f", *word) || *word & 0x80)
			fprintf(file, "\\x%02X", (unsigned char)*word);
		else
			fputc(*word, file);
	fputs("\"\n", file);
}

static int corpus_write(const struct seeds *seeds, const char *folder)
{
	FILE *file;

	if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < seeds->len; i++) {
		file = file_make(folder, NULL, i);
		fwrite(seeds->list[i].bytes, 1, seeds->list[i].size, file);
		fclose(file);
	}
	file = file_make(folder, "dict", 0);
	for (size_t i = 0; i < seeds->word_count; i++)
		word_write(file, seeds->words[i]);
	fclose(file);
	return 0;
}

/* The value behind an option, *otherwise where it is not there. */
static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return strtoull(argv[i + 1], NULL, 0);
	return otherwise;
}

static int act(struct drive *drive, int argc, char **argv)
{
	uint64_t runs = option(argc, argv, "--runs", fuzz_sample);
	int code = 0;

	drive->seed = option(argc, argv, "--seed", 1);
	if (argc > 2 && strcmp(argv[1], "--corpus") == 0)
		return corpus_write(&drive->seeds, argv[2]);
	if (argc > 1 && strcmp(argv[1], "--most") == 0)
		return printf("%zu\n", fuzz_most) < 0;
	if (argc > 2 && strcmp(argv[1], "--print") == 0) {
		input_make(drive, option(argc, argv, "--print", 0));
		return fwrite(drive->bytes, 1, drive->size, stdout) != drive->size;
	}
	if (argc > 1 && argv[1][0] != '-') {
		for (int i = 1; i < argc; i++)
			code |= run_file(drive, argv[i]);
		return code;
	}
	run_all(drive, runs);
	printf("ok 1 - %s: %" PRIu64 " inputs of seed %" PRIu64 ", made from %zu\n1..1\n",
	       fuzz_name, runs, drive->seed, drive->seeds.len);
	return 0;
}

int main(int argc, char **argv)
{
	struct drive drive = {.bytes = malloc(fuzz_most + 1)};
	int code;

	if (!drive.bytes)
		abort();
	fuzz_seeds(&drive.seeds);
	code = act(&drive, argc, argv);
	seeds_free(&drive.seeds);
	free(drive.bytes);
	return code;
}
