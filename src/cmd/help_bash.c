/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The completion for bash: words from the tables, names from this machine when they are asked for.
 */
#include "cmd/cmd.h"
#include "cmd/help.h"

static void bash_options(const struct cmd *cmd)
{
	const struct cmd_option *option;

	printf("\t%s) options='", cmd->name);
	for (size_t i = 0; (option = cmd_option_at(cmd, i)); i++)
		printf("--%s ", option->name);
	for (option = cmd_common_options; option->name; option++)
		printf("--%s%s", option->name, option[1].name ? " " : "");
	printf("' words=%d verbs='%s' ;;\n", (int)cmd->words, cmd->verbs ? cmd->verbs : "");
}

/* KIND) keys='mtu= up= …' ;; */
static void bash_keys(const struct loom_doc *kind)
{
	const struct loom_doc *keys = loom_get(kind, "keys"), *lists = loom_get(kind, "lists");

	if (loom_truth(kind, "hidden"))
		return;
	printf("\t%s) keys='", loom_text(kind, "name"));
	for (size_t i = 0; i < loom_count(keys); i++) {
		const struct loom_doc *key = loom_at(keys, i);

		if (!loom_truth(key, "identity") && !loom_truth(key, "read-only"))
			printf("%s= ", loom_text(key, "key"));
	}
	for (size_t i = 0; i < loom_count(lists); i++)
		printf("%s= ", loom_text(loom_at(lists, i), "key"));
	puts("' ;;");
}

void help_bash(const struct loom_doc *kinds)
{
	puts("# bash completion for lanloom, made by: lanloom help --bash");
	puts("_lanloom() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} options= words=0 verbs= keys= names=");
	fputs("\tlocal commands='", stdout);
	for (size_t i = 0; commands[i]; i++)
		printf("%s%s", i ? " " : "", commands[i]->name);
	fputs("'\n\tlocal kinds='", stdout);
	for (size_t i = 0; i < loom_count(kinds); i++)
		if (!loom_truth(loom_at(kinds, i), "hidden"))
			printf("%s ", loom_text(loom_at(kinds, i), "name"));
	puts("'\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	     "\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; commands[i]; i++)
		bash_options(commands[i]);
	/* the keys of a device that is there are those of its kind */
	puts("\tesac\n"
	     "\tlocal kind=${COMP_WORDS[2]} device=/sys/class/net/${COMP_WORDS[2]}\n"
	     "\tif [ \"${COMP_WORDS[1]}\" = set ]; then\n"
	     "\t\tkind=$(sed -n s/^DEVTYPE=//p \"$device/uevent\" 2>/dev/null)\n"
	     "\t\t[ ! -e \"$device/tun_flags\" ] || kind=tap\n" /* a tun has the same keys */
	     "\t\tkind=${kind:-ethernet}\n\tfi\n"
	     "\tcase $kind in");
	for (size_t i = 0; i < loom_count(kinds); i++)
		bash_keys(loom_at(kinds, i));
	printf("\tesac\n"
	       "\tnames=$(ls /sys/class/net 2>/dev/null)\n"
	       "\tif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\tif [ \"$COMP_CWORD\" = 2 ] && [ -n \"$verbs\" ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\tcase $words in\n"
	       "\t%d) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	       "\t%d) if [ \"$COMP_CWORD\" = 2 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$kinds\" -- \"$cur\"))\n"
	       "\t\telif [ \"$COMP_CWORD\" -gt 3 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$keys\" -- \"$cur\"))\n"
	       "\t\t\tcompopt -o nospace\n\t\tfi ;;\n"
	       "\t%d) if [ \"$COMP_CWORD\" = 2 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$names\" -- \"$cur\"))\n"
	       "\t\telif [ \"${COMP_WORDS[1]}\" = set ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$keys\" -- \"$cur\"))\n"
	       "\t\t\tcompopt -o nospace\n\t\tfi ;;\n"
	       "\t%d) if [ \"$COMP_CWORD\" = 2 ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -W \"$(ls /run/netns 2>/dev/null)\" -- \"$cur\"))\n"
	       "\t\telse\n\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n\t\tfi ;;\n"
	       "\t%d) COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\")) ;;\n"
	       "\tesac\n}\ncomplete -F _lanloom lanloom\n",
	       WORDS_FILE, WORDS_KIND, WORDS_DEVICE, WORDS_NAMESPACE, WORDS_COMMAND);
}
