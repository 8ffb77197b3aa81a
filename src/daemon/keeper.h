/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lanloomd, the keeper of what runs long. */
#pragma once

/*
 * The program under its name lanloomd: `lanloomd FOLDER` keeps what the state folder promises,
 * until there is nothing to keep. It is started by whoever needs it and says on descriptor 3, if
 * there is one, "ready" or "error …". As "lanloomd: tunnel NAME" it is one of the keeper's own
 * workers.
 */
int keeper_main(int argc, char **argv);
