/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a peer's further lanes lead, and whether they are open (doc/protocol.md section 5.2). */
#pragma once
#include "tunnel/endpoint.h"

#define LANE_WAIT_NS 1000000000ULL	 /* for the reply to a probe */
#define LANE_LOOK_NS (5 * LANE_WAIT_NS)	 /* from a reply to the next probe */
#define LANE_REST_NS (30 * LANE_WAIT_NS) /* between probes of a lane that nobody answers */
#define LANE_TRIES 3			 /* unanswered so often, an open lane is closed */
#define LANE_HOPE 10			 /* and a closed one is probed seldom */
#define LANE_FILL 16			 /* of a probe: it may be lost, and nobody wonders */

/* One lane from the second on, as far as one peer is concerned. */
struct lane_path {
	struct endpoint endpoint; /* lane 0's until the peer spoke on this lane */
	uint32_t id;		  /* of probes to that endpoint; replies with another are late */
	uint32_t unanswered;	  /* probes since the last reply */
	uint64_t probed_ns;	  /* the last probe; 0: none */
	bool open;		  /* it was answered, from where we send to */
};
