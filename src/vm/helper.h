/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What passes between a plain user's lanloom vm and its helper. */
#pragma once

#define VM_HELPER "lanloom-vm-helper"
#define VM_HELPER_FD 3 /* the helper's end of a SOCK_SEQPACKET pair */

/* One message, with the queues' descriptors beside it where code is 0. */
struct vm_reply {
	int code; /* 0, or -errno */
	char device[16];
	char mac[18];
	char message[420], hint[220]; /* of an error */
};

/* lanloom-vm-helper --network=NAME [--queues=N] [--guest=NAME] */
int vm_helper_main(int argc, char **argv);
