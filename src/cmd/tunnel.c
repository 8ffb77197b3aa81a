/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

/* "drops: replay 3, mac-hold 1"; nothing where nothing was dropped. */
static void drops_print(const struct loom_doc *drops, int indent)
{
	char *text = NULL;
	size_t size;
	FILE *line = open_memstream(&text, &size);
	size_t n = 0;

	if (!line)
		abort();
	for (size_t i = 0; i < loom_count(drops); i++) {
		const char *name = loom_key_at(drops, i);

		if (loom_number(drops, name) > 0)
			fprintf(line, "%s%s %.0f", n++ ? ", " : "dropped: ", name,
				loom_number(drops, name));
	}
	fclose(line);
	if (n) {
		printf("%*s", indent, "");
		out_folded(indent, indent + 2, text);
	}
	free(text);
}

static void peer_print(const struct cmd_call *call, const struct loom_doc *peer, double lanes,
		       int indent)
{
	bool connected = loom_truth(peer, "connected");
	const char *endpoint = loom_text(peer, "endpoint");
	char rx[32], tx[32], age[32] = "never";

	if (loom_type(loom_get(peer, "handshake-age")) == LOOM_NUMBER)
		out_seconds(age, sizeof(age), loom_number(peer, "handshake-age"));
	out_bytes(rx, sizeof(rx), loom_number(peer, "rx-bytes"));
	out_bytes(tx, sizeof(tx), loom_number(peer, "tx-bytes"));
	printf("%*speer %s%s%s  %s%s%s%s%s\n", indent, "", ink(INK_BOLD), loom_text(peer, "name"),
	       ink(INK_NONE), ink(connected ? INK_GREEN : INK_YELLOW),
	       connected ? "connected" : "no handshake yet", ink(INK_NONE),
	       endpoint && endpoint[0] ? ", " : "", endpoint ? endpoint : "");
	printf("%*shandshake %s%s, received %s, sent %s", indent + 2, "", age,
	       strcmp(age, "never") == 0 ? "" : " ago", rx, tx);
	if (loom_number(peer, "path-mtu") > 0)
		printf(", path MTU %.0f", loom_number(peer, "path-mtu"));
	if (lanes > 1)
		printf(", %.0f of %.0f lanes", loom_number(peer, "lanes"), lanes);
	putchar('\n');
	drops_print(loom_get(peer, "drops"), indent + 2);
	if (call->verbose && loom_text(peer, "public-key"))
		printf("%*spublic key %s\n", indent + 2, "", loom_text(peer, "public-key"));
}

void tunnel_print(const struct cmd_call *call, const struct loom_doc *tunnel, int indent)
{
	const struct loom_doc *peers = loom_get(tunnel, "peers");
	const char *ns = loom_text(tunnel, "namespace"), *text;

	printf("%*s%s%s%s%s%s  tunnel, mode %s", indent, "", ns ? ns : "", ns && ns[0] ? "/" : "",
	       ink(INK_BOLD), loom_text(tunnel, "name"), ink(INK_NONE), loom_text(tunnel, "mode"));
	if (loom_number(tunnel, "port") > 0)
		printf(", port %.0f", loom_number(tunnel, "port"));
	text = loom_text(tunnel, "aead");
	if (text && text[0])
		printf(", ciphers by %s", text);
	text = loom_text(tunnel, "problem");
	if (text)
		printf(", %s%s%s", ink(INK_RED), text, ink(INK_NONE));
	putchar('\n');
	drops_print(loom_get(tunnel, "drops"), indent + 2);
	for (size_t i = 0; i < loom_count(peers); i++)
		peer_print(call, loom_at(peers, i), loom_number(tunnel, "lanes"), indent + 2);
}

static void all_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *tunnels = loom_get(doc, "tunnels");

	for (size_t i = 0; i < loom_count(tunnels); i++)
		tunnel_print(call, loom_at(tunnels, i), 0);
	if (!loom_count(tunnels))
		puts("No tunnel is up.");
}

static int tunnel_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_tunnel(call->loom, call->argv[0], &doc);

	return cmd_answer(call, status, doc, all_print);
}

const struct cmd cmd_tunnel = {
	.name = "tunnel",
	.arguments = "[NAME]",
	.summary = "how tunnels and their peers are doing",
	.manual = "For each peer: whether there is a session, the age of its handshake, the bytes "
		  "carried, the MTU of the path, and what was dropped, by reason. Every frame and "
		  "packet is either carried or counted under one of these names.",
	.most = 1,
	.words = WORDS_DEVICE,
	.run = tunnel_run,
};
