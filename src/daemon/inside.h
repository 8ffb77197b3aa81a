/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the daemon: what its parts share. The theory of operation is in keeper.c. */
#pragma once
#include <jansson.h>

#include "base/log.h"
#include "base/loop.h"
#include "model/committed.h"
#include "tunnel/control.h"
#include "world/keeper_wire.h"

/* What a service is to be: its object, and a tunnel's peers. Never changed once made. */
struct setup {
	struct arena arena;
	const struct object *object;
	struct setup_peer {
		const struct object *object;
		const char *resolved; /* its endpoint as an address, or NULL */
	} * peers;
	size_t len;
};

/* The same in the worker's words, with keys: in a vault. */
struct secrets {
	struct control_config config; /* its peers are the ones below */
	struct control_peer peers[];
};

/* A process's stderr. */
struct voice {
	int fd; /* 0: there is no process */
	struct loop_source source;
	char line[200]; /* that begins with these `size` bytes */
	size_t size;
	char last[200];	     /* line that was whole; "" */
	const char *awaited; /* words of a line, or NULL … */
	bool came;	     /* … and whether it came */
	int forbidden;	     /* system call that was its end; -1 */
	uint64_t since_ms;   /* of a second in which … */
	unsigned int lines;  /* … so many came */
};

struct service;

/*
 * What one sort of service does in a way of its own. Everything else (who is told what runs, what
 * happens when a process dies, when a device is made anew, when a namespace goes) is the same for
 * all, and knows no sort.
 */
struct craft {
	const char *kind; /* of its object */
	const char *word; /* before its name, in the log: "tunnel" */
	/* What may be wrong with a setup, before anything begins; NULL: nothing. */
	int (*check)(struct setup *setup, struct secrets **secrets, struct err *err);
	/* Begins its process, with what of its devices is not open yet. */
	int (*start)(struct service *service, struct err *err);
	void (*stop)(struct service *service); /* the process, if there is one, and waits for it */
	/* Makes what runs what `setup` says; it is as before when that is refused. */
	int (*change)(struct service *service, struct setup *setup, const struct secrets *secrets,
		      bool sockets, struct err *err);
	void (*refresh)(struct service *service); /* some device changed: perhaps its own */
	void (*forget)(struct service *service);  /* its object goes; NULL: nothing is left */
	/* as `show --json` has it; NULL: there is no more to tell than its name and problem */
	void (*describe)(struct service *service, json_t *to);
};

extern const struct craft craft_tunnel, craft_dhcp, craft_carrier;

/* Something that runs, or should. */
struct service {
	struct keeper *keeper;
	const struct craft *craft;
	struct setup *setup;
	int device_fd;		      /* a socket of its namespace, which knows the devices there */
	uint32_t device_index;	      /* of its device, when its process was told of it */
	uint64_t ns_device, ns_inode; /* of the namespace's name, where it has one */
	pid_t pid;		      /* 0: no process now */
	/* of a tunnel: our own copies, so that what a worker holds survives it */
	struct secrets *secrets;
	int tap_fd; /* a carrier's, too */

	int udp_fds[2];					  /* IPv4, IPv6; -1 */
	struct control_lane lanes[CONTROL_LANES_MAX - 1]; /* what the others have */
	int control_fd;
	/* of a network's DHCP */
	uint32_t device_mtu;
	struct loop_source child, restart;
	struct voice voice;
	uint64_t started_ms;
	unsigned int failures; /* in a row */
	unsigned int restarts;
	char problem[200]; /* why it does not work, for people; "" */
};

struct keeper {
	struct loop loop;
	struct log log;
	char folder[256];
	int folder_fd; /* locked: one keeper per folder */
	struct service **services;
	size_t len;
	struct loop_source signals, end_timer, watchdog;
	bool keeps;	/* some description says `keep: true` */
	bool guards;	/* something committed is mended in any case (KIND_KEPT) */
	bool abandoned; /* the namespace lost its name: nobody comes back for its state */
	bool waits;	/* the first request, or the next, may come any moment */
	struct control *control;
	struct names *names;
	struct watch *watch;
	struct guarding *guarding;
	struct fills *fills;
	struct ports *ports;
};

static inline const char *service_name(const struct service *service)
{
	return object_name(service->setup->object);
}

/* Stops the loop when there is nothing left to keep; true then. */
bool keeper_end_check(struct keeper *keeper);
/* Stays for so long at least, since somebody is about to ask; 0: nobody is. */
void keeper_wait(struct keeper *keeper, int ms);
/*
 * In a child: it keeps no more of what the keeper has open than the log and *report, which gets
 * another number.
 */
void keeper_become_child(struct keeper *keeper, int *report);
/* Nobody holds the store's lock now. */
bool keeper_store_free(const struct keeper *keeper);

/* --- setup.c --- */
struct setup *setup_copy(const struct setup *setup); /* NULL: an empty one */
void setup_free(struct setup *setup);		     /* NULL: nothing */
int setup_step(struct setup *setup, const struct keeper_step *step, struct err *err);
/* What `tunnel` and `peer` objects are called by: namespace and tunnel. */
const char *setup_name(const struct object *object);

/* --- secrets.c --- */
/* Reads the key files, and checks the private key against `keys.public`; adds that if it is not
 * set. */
int secrets_make(struct setup *setup, struct secrets **secrets, struct err *err);
void secrets_free(struct secrets *secrets); /* NULL: nothing */

/* --- lanes.c --- */
void lanes_init(struct service *service); /* none */
/* Opens what the configured number of lanes lacks, and closes what is too much. */
int lanes_open(struct service *service, struct err *err);
void lanes_drop_queues(struct service *service); /* the device has gone */
int lanes_send_queues(struct service *service, struct err *err);
void lanes_close(struct service *service);

/* --- worker.c --- */
int worker_main(const char *title, const char *lanes); /* of the process that is a worker */
int worker_start(struct service *service, struct err *err);
void worker_stop(struct service *service);
/* Makes a running worker's configuration `secrets`; sockets: new ones, too. All or nothing. */
int worker_change(struct service *service, const struct secrets *secrets, bool sockets,
		  struct err *err);
/* It answered wrongly or not at all: ended, and started again soon. */
void worker_distrust(struct service *service);

/* --- priority.c --- */
/* As `setup` has it, to all threads of the process, if there is one. -EPERM and err. */
int priority_give(const struct service *service, const struct setup *setup, struct err *err);
bool priority_same(const struct setup *one, const struct setup *other);

/* --- leases.c --- */
void leases_describe(struct service *service, json_t *to);
/* What a MAC has a lease of within these nets (of IPv6: whoever has that one address). */
bool leases_find(const struct service *service, const char *mac, const struct prefix *nets,
		 size_t len, struct ip *ip);

/* --- ports.c --- */
int ports_open(struct keeper *keeper, struct err *err);
void ports_close(struct keeper *keeper);
struct store;
void ports_renew(struct keeper *keeper, const struct store *store); /* what is committed */
/* An event of a namespace that is watched. */
struct nlmsghdr;
void ports_hear(struct keeper *keeper, const char *ns, const struct nlmsghdr *event);
struct port_seen {
	const char *name, *alias; /* alias "": none */
	bool virtual;		  /* a TAP or veth: a guest's, not a card */
};
/* Calls `each` for those of a bridge as last seen. false: not seen yet. */
bool ports_of(const struct keeper *keeper, const char *ns, const char *bridge,
	      void (*each)(const struct port_seen *port, void *data), void *data);

/* --- fills.c --- */
int fills_open(struct keeper *keeper, struct err *err);
void fills_close(struct keeper *keeper);
void fills_renew(struct keeper *keeper, const struct store *store); /* what is committed */
/* Puts into sets of rules what belongs there; `verify`: also where nothing is known to differ. */
void fills_look(struct keeper *keeper, bool verify);
/* Of a network: the addresses that its followed guests have in rules. */
void fills_describe(const struct service *service, json_t *to);

/* --- supervise.c: processes of services --- */
/* service->pid begins: told when it ends, and started again then. */
int supervise_begin(struct service *service, struct err *err);
/* Ends it, kindly at first, and waits for that. */
void supervise_stop(struct service *service);
void supervise_again(struct service *service); /* starts the next one soon, later each time */
/* What keeps it from working now: told when it is new. */
void supervise_trouble(struct service *service, const struct err *err);

/* --- voice.c --- */
/* *mouth: for the worker, to be closed here. */
int voice_open(struct service *service, int *mouth, struct err *err);
void voice_close(struct service *service); /* after hearing what is left; without one: nothing */
/* Waits for a line with these words; false: the process ended, or it is too late. */
bool voice_await(struct service *service, const char *words, int ms);

/* --- services.c --- */
/* Whether it could run: made ready where it is a tunnel's. */
int service_check(struct setup *setup, struct secrets **secrets, struct err *err);
int service_new(struct keeper *keeper, struct setup *setup, struct secrets *secrets,
		const int udp_fds[2], struct service **service, struct err *err);
void service_free(struct service *service);
/* Its device, by the name of the service; 0: there is none. */
uint32_t service_device_index(const struct service *service);
uint32_t service_device_mtu(const struct service *service);
/* The sort of what runs this object, of a peer its tunnel's; NULL: nothing does. */
const struct craft *service_craft(const struct object *object);
/* A TAP's carrier and a tunnel may share a name. */
struct service *service_find(const struct keeper *keeper, const struct craft *craft, const char *ns,
			     const char *name);
void service_add(struct keeper *keeper, struct service *service);
void service_remove(struct keeper *keeper, struct service *service); /* and frees it */

/* --- change.c --- */
/* A breath, all of it or nothing. Descriptors that are used become -1. *failed: the step, or -1. */
int change_apply(struct keeper *keeper, struct keeper_step *steps, size_t len, int *fds,
		 int *failed, struct err *err);

/* --- status.c --- */
/* {"tunnels": […], "networks": […], "carriers": […]} */
json_t *status_describe(struct keeper *keeper);
void tunnel_describe(struct service *service, json_t *to); /* what its worker says, too */

/* --- control.c --- */
int control_open(struct keeper *keeper, struct err *err);
void control_close(struct keeper *keeper);  /* removes the socket; open connections stay open */
void control_forget(struct keeper *keeper); /* their memory; they close with the process */

/* --- readers.c --- */
enum right { RIGHT_NONE, RIGHT_READ, RIGHT_ALL };
/* Lets the group that may read come to the socket; 0: there is none. */
gid_t readers_admit(struct keeper *keeper);
/* What the other end of a connection may. */
enum right readers_right(int sock, gid_t group);

/* --- names.c --- */
int names_open(struct keeper *keeper, struct err *err);
void names_close(struct keeper *keeper);
void names_look(struct keeper *keeper);					/* soon */
void names_identity(const char *ns, uint64_t *device, uint64_t *inode); /* 0, 0: no such name */

/* --- watch.c --- */
int watch_open(struct keeper *keeper, struct err *err);
void watch_close(struct keeper *keeper);
/* What runs changed, or (told) what is committed: look soon. */
void watch_renew(struct keeper *keeper, bool told);
bool watch_mends(const struct keeper *keeper); /* just now */
void watch_told(struct keeper *keeper); /* by who has the lock: need not look before it ends */
/* Has looked at all that is committed, now if need be, or was told, and mends nothing. */
bool watch_knows(struct keeper *keeper);

/* --- guarding.c --- */
int guarding_open(struct keeper *keeper, struct err *err);
void guarding_close(struct keeper *keeper);
void guarding_look(struct keeper *keeper);	   /* at what stands written, now */
bool guarding_stands(const struct keeper *keeper); /* a change is guarded */

/* --- stuck.c --- */
struct stuck { /* zeroed: not looked yet */
	uint64_t journal_size, since_ns;
};
struct guard;
/* Now and then while the guarded run has the lock: ends it when it is late and does nothing. */
void stuck_look(struct keeper *keeper, const struct guard *guard, struct stuck *stuck);

/* --- notify.c --- */
int notify_open(struct keeper *keeper, struct err *err);
void notify_say(const char *text); /* "READY=1"; nothing where no manager started us */

/* --- mend.c --- */
#define BUDGET_TIMES 5
#define BUDGET_MS 60000

/* How often something was mended lately. */
struct budget {
	struct budget_line {
		char *what; /* "bridge br0 mtu" */
		uint64_t at_ms[BUDGET_TIMES];
		unsigned int next;
		bool spent;
	} * lines;
	size_t len;
};

/* Words that follow a tab in a line of the report; for people and for the budget. */
#define REPORT_MENDED "mended"
#define REPORT_REFUSED "refused"

void budget_clear(struct budget *budget);
/* Counts one more; true when it is now too many. */
bool budget_use(struct budget *budget, const char *what, uint64_t now_ms);
bool budget_spent(const struct budget *budget, const char *what);

/* Plans what has to be mended, changing nothing: the number of steps, or -errno. */
int mend_plan(struct keeper *keeper, const struct budget *budget, struct err *err);
/* The work, in a process of its own: a line for each thing mended or refused goes to `report`. */
void mend_run(struct keeper *keeper, const struct budget *budget, int report);
