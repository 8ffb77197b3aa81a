/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for secrets: what is said of it in base/vault.h, by what the kernel says of the pages. */
#include "base/sanitized.h"
#include "unit/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vault.h"

static bool is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* The kernel's flags of the mapping that an address lies in: "rd wr mr … dd". */
__attribute__((unused)) static bool has_flag(const void *at, const char *flag)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned long begin, end;
	char line[512];
	bool here = false, found = false;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = begin <= (uintptr_t)at && (uintptr_t)at < end;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag);
	}
	if (maps)
		fclose(maps);
	return found;
}

static void blocks_are_zeroed_aligned_and_apart(void)
{
	unsigned char *blocks[200];

	for (int turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < 200; i++) {
			size_t size = i * i * 7 % 100000;

			blocks[i] = vault_new(size);
			CHECK(blocks[i] && (uintptr_t)blocks[i] % 16 == 0);
			CHECK(is_zero(blocks[i], size));
			memset(blocks[i], (int)i, size);
		}
		for (size_t i = 0; i < 200; i++) {
			size_t size = i * i * 7 % 100000;

			CHECK(!size || (blocks[i][0] == i && blocks[i][size - 1] == i));
			vault_free(blocks[i]);
		}
	}
	vault_free(NULL);
	CHECK(!vault_new(SIZE_MAX) && !vault_new(SIZE_MAX - 15));
}

static void a_block_keeps_its_bytes_when_it_grows(void)
{
	char *block = vault_resize(NULL, 5);

	memcpy(block, "word", 5);
	for (size_t size = 10; size < 1000000; size *= 3) {
		block = vault_resize(block, size);
		CHECK_TEXT(block, "word");
	}
	block = vault_resize(block, 5);
	CHECK_TEXT(block, "word");
	vault_free(block);
}

#if !SANITIZED
static void pages_are_guarded(void)
{
	static const size_t sizes[] = {32, 5000, 3000000};

	for (int i = 0; i < 3; i++) {
		char *block = vault_new(sizes[i]);

		block[sizes[i] - 1] = 1;
		CHECK(has_flag(block, " lo") && has_flag(block, " dd") && has_flag(block, " wf"));
		CHECK(has_flag(block + sizes[i] - 1, " dd"));
		vault_free(block);
	}
	CHECK(!has_flag(&test_count, " dd")); /* the test itself would notice */
}

static void freed_blocks_are_wiped(void)
{
	unsigned char *block = vault_new(500), *again;

	memset(block, 'k', 500);
	vault_free(block);
	CHECK(is_zero(block, 500));
	again = vault_new(500);
	CHECK(again == block); /* so the page was still there to be looked at */
	vault_free(again);
}

/* In the child: what the parent had is zero, what is new works. */
static int child_look(const unsigned char *secret, unsigned char *large)
{
	unsigned char *own = vault_new(100), *other = vault_new(100);

	if (!is_zero(secret, 100) || !is_zero(large, 200000))
		return 1;
	if (!own || !other || own == other || own == secret)
		return 2;
	memset(own, 1, 100);
	vault_free(large);
	vault_free(own);
	return vault_new(100) == own ? 0 : 3;
}

static void a_fork_sees_nothing(void)
{
	unsigned char *secret = vault_new(100), *large = vault_new(200000);
	int status = -1;
	pid_t child;

	memset(secret, 'k', 100);
	memset(large, 'k', 200000);
	child = fork();
	if (child == 0)
		_exit(child_look(secret, large));
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(secret[99] == 'k' && large[199999] == 'k');
	vault_free(secret);
	vault_free(large);
}
#endif

int main(void)
{
	TEST(blocks_are_zeroed_aligned_and_apart);
	TEST(a_block_keeps_its_bytes_when_it_grows);
#if !SANITIZED
	TEST(pages_are_guarded);
	TEST(freed_blocks_are_wiped);
	TEST(a_fork_sees_nothing);
#endif
	return test_done();
}
