/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tunnel keys: a file holds the 32 bytes of an X25519 private key in base64, one line, as
 * `wg genkey` prints it. Whoever else can read it can be this host, so such a file is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "model/describe.h"

#define KEY_SIZE 32
#define KEY_TEXT_SIZE 45 /* base64 of 32 bytes, with the NUL */

int key_public_from(const uint8_t private[KEY_SIZE], struct public_key *key, struct err *err)
{
	EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, KEY_SIZE);
	size_t size = sizeof(key->bytes);
	int ok = pair && EVP_PKEY_get_raw_public_key(pair, key->bytes, &size) == 1;

	EVP_PKEY_free(pair);
	return ok ? 0 : err_set(err, -EINVAL, "libcrypto makes no X25519 key of it");
}

static int file_open(const char *path, int *fd, struct err *err)
{
	struct stat status;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0 && errno == ENOENT) {
		err_set(err, -ENOENT, "key file %s does not exist", path);
		return err_hint(err, "lanloom key new %s", path);
	}
	if (*fd < 0 || fstat(*fd, &status))
		return err_errno(err, -errno, "key file %s", path);
	if (!S_ISREG(status.st_mode))
		return err_set(err, -EINVAL, "key file %s is not a regular file", path);
	if (status.st_mode & 077) {
		err_set(err, -EPERM,
			"key file %s may be read or written by others (mode %03o); expected 600",
			path, status.st_mode & 0777);
		return err_hint(err, "chmod 600 %s", path);
	}
	return 0;
}

int key_private_read(const char *path, uint8_t private[KEY_SIZE], struct err *err)
{
	char text[80] = "";
	int fd FD_CLEANUP = -1;
	ssize_t size;
	int r = file_open(path, &fd, err);

	if (r)
		return r;
	size = read(fd, text, sizeof(text) - 1);
	if (size < 0)
		return err_errno(err, -errno, "key file %s", path);
	while (size > 0 && strchr(" \t\r\n", text[size - 1]))
		text[--size] = '\0';
	if (text_base64_get(text, private, KEY_SIZE)) {
		err_set(err, -EINVAL,
			"key file %s holds no key; expected 32 bytes in base64, 44 characters",
			path);
		r = err_hint(err, "lanloom key new, or wg genkey, make one");
	}
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

int key_public_of(void *data, const char *path, struct public_key *key, struct err *err)
{
	uint8_t private[KEY_SIZE];
	int r = key_private_read(path, private, err);

	(void)data;
	if (!r)
		r = key_public_from(private, key, err);
	OPENSSL_cleanse(private, sizeof(private));
	return r;
}

/* SHA-256 of a label and the key: 32 random bytes cannot be found from it. */
int key_digest_from(const uint8_t shared[KEY_SIZE], struct public_key *digest, struct err *err)
{
	static const char label[] = "lanloom shared key v1";
	uint8_t input[sizeof(label) + KEY_SIZE];
	int ok;

	memcpy(input, label, sizeof(label));
	memcpy(input + sizeof(label), shared, KEY_SIZE);
	ok = EVP_Digest(input, sizeof(input), digest->bytes, NULL, EVP_sha256(), NULL);
	OPENSSL_cleanse(input, sizeof(input));
	return ok == 1 ? 0 : err_set(err, -EINVAL, "libcrypto makes no SHA-256 of it");
}

int key_digest_of(void *data, const char *path, struct public_key *digest, struct err *err)
{
	uint8_t shared[KEY_SIZE];
	int r = key_private_read(path, shared, err);

	(void)data;
	if (!r)
		r = key_digest_from(shared, digest, err);
	OPENSSL_cleanse(shared, sizeof(shared));
	return r;
}

/* A key as RFC 7748 section 5 has it: the bits that are fixed are fixed in the file already. */
static int private_draw(uint8_t private[KEY_SIZE], struct err *err)
{
	if (RAND_priv_bytes(private, KEY_SIZE) != 1)
		return err_set(err, -EIO, "libcrypto has no random bytes");
	private[0] &= 248;
	private[31] = (private[31] & 127) | 64;
	return 0;
}

/* A new file; its folder is made too when only that is missing, as /etc/lanloom is at first. */
static int private_create(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const char *slash = strrchr(path, '/');
	int fd = open(path, flags, 0600);
	char folder[PATH_MAX];

	if (fd >= 0 || errno != ENOENT || !slash || slash - path >= (ptrdiff_t)sizeof(folder))
		return fd;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return mkdir(folder, 0755) ? -1 : open(path, flags, 0600);
}

static int private_write(const char *path, const uint8_t private[KEY_SIZE], struct err *err)
{
	int fd FD_CLEANUP = private_create(path);
	char text[KEY_TEXT_SIZE + 1];
	bool written;

	if (fd < 0 && errno == EEXIST) {
		err_set(err, -EEXIST, "%s is there already, and is not overwritten", path);
		return err_hint(err, "another name, or lanloom key public %s", path);
	}
	if (fd < 0)
		return err_errno(err, -errno, "create %s", path);
	text_base64_put(private, KEY_SIZE, text);
	text[KEY_TEXT_SIZE - 1] = '\n';
	written = write(fd, text, KEY_TEXT_SIZE) == KEY_TEXT_SIZE && fsync(fd) == 0;
	OPENSSL_cleanse(text, sizeof(text));
	if (written)
		return 0;
	err_errno(err, errno ? -errno : -EIO, "write %s", path);
	unlink(path);
	return err->code;
}

static int key_new(const char *path, struct public_key *key, struct err *err)
{
	uint8_t private[KEY_SIZE];
	int r = private_draw(private, err);

	if (!r)
		r = key_public_from(private, key, err);
	if (!r)
		r = private_write(path, private, err);
	OPENSSL_cleanse(private, sizeof(private));
	return r;
}

static enum loom_status key_answer(const char *path, int r, const struct public_key *key,
				   const struct err *err, struct loom_doc **doc)
{
	struct answer answer;
	char text[KEY_TEXT_SIZE];

	answer_init(&answer);
	if (r) {
		answer_fail(&answer, err);
		return answer_end(&answer, doc);
	}
	text_base64_put(key->bytes, KEY_SIZE, text);
	json_object_set_new(answer.json, "file", describe_text(path));
	json_object_set_new(answer.json, "public", json_string(text));
	return answer_end(&answer, doc);
}

enum loom_status loom_key_new(struct loom *loom, const char *path, struct loom_doc **doc)
{
	struct public_key key;
	struct err err = {0};

	(void)loom;
	return key_answer(path, key_new(path, &key, &err), &key, &err, doc);
}

enum loom_status loom_key_public(struct loom *loom, const char *path, struct loom_doc **doc)
{
	struct public_key key;
	struct err err = {0};

	(void)loom;
	return key_answer(path, key_public_of(NULL, path, &key, &err), &key, &err, doc);
}
