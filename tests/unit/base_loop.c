/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event loop: times, signals, children, and sources that remove one another. */
#include "base/loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "test.h"

struct trial {
	struct loop loop;
	struct loop_source one, two, end;
	int count, what;
};

static struct err err;

static void stop(void *data, int what)
{
	struct trial *trial = data;

	trial->what = what;
	trial->count++;
	loop_stop(&trial->loop);
}

static void count(void *data, int what)
{
	struct trial *trial = data;

	trial->count++;
	trial->what = what;
}

static void a_timer_goes_off_once(void)
{
	struct trial trial = {0};
	uint64_t start = clock_now_ns();

	CHECK(loop_open(&trial.loop, &err) == 0);
	CHECK(loop_timer(&trial.loop, &trial.one, count, &trial, &err) == 0);
	CHECK(loop_timer(&trial.loop, &trial.end, stop, &trial, &err) == 0);
	loop_timer_set(&trial.one, 20);
	loop_timer_start(&trial.one, 1); /* runs already: stays as it is */
	loop_timer_set(&trial.end, 60);
	CHECK(loop_run(&trial.loop, &err) == 0);
	CHECK(trial.count == 2);
	CHECK(clock_now_ns() - start >= 60000000);
	loop_timer_set(&trial.one, 1);
	loop_timer_clear(&trial.one);
	loop_timer_set(&trial.end, 20);
	CHECK(loop_run(&trial.loop, &err) == 0);
	CHECK(trial.count == 3);
	loop_remove(&trial.loop, &trial.one);
	loop_remove(&trial.loop, &trial.one);
	CHECK(trial.one.fd == 0);
	loop_remove(&trial.loop, &trial.end);
	loop_close(&trial.loop);
}

static void remove_both(void *data, int what)
{
	struct trial *trial = data;

	trial->count++;
	loop_remove(&trial->loop, &trial->one);
	loop_remove(&trial->loop, &trial->two);
}

/* Both are ready at once; the first one removes the other, whose act must not be called then. */
static void a_removed_source_is_silent(void)
{
	struct trial trial = {0};
	int a[2], b[2];

	CHECK(pipe(a) == 0 && pipe(b) == 0);
	CHECK(loop_open(&trial.loop, &err) == 0);
	CHECK(loop_add(&trial.loop, &trial.one, a[0], EPOLLIN, remove_both, &trial, &err) == 0);
	CHECK(loop_add(&trial.loop, &trial.two, b[0], EPOLLIN, remove_both, &trial, &err) == 0);
	CHECK(loop_timer(&trial.loop, &trial.end, stop, &trial, &err) == 0);
	loop_timer_set(&trial.end, 30);
	CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
	CHECK(loop_run(&trial.loop, &err) == 0);
	CHECK(trial.count == 2);	 /* one of the two, and the end */
	CHECK(write(a[1], "x", 1) == 1); /* loop_add leaves descriptors to their owner */
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	loop_remove(&trial.loop, &trial.end);
	loop_close(&trial.loop);
}

static void children_are_waited_for(void)
{
	struct trial trial = {0};
	pid_t child;

	CHECK(loop_open(&trial.loop, &err) == 0);
	child = fork();
	if (!child)
		_exit(7);
	CHECK(loop_child(&trial.loop, &trial.one, child, stop, &trial, &err) == 0);
	CHECK(loop_run(&trial.loop, &err) == 0);
	CHECK(WIFEXITED(trial.what) && WEXITSTATUS(trial.what) == 7);
	CHECK(trial.one.fd == 0);
	CHECK(waitpid(child, NULL, WNOHANG) < 0); /* no zombie is left */
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	CHECK(loop_child(&trial.loop, &trial.one, child, stop, &trial, &err) == 0);
	kill(child, SIGKILL);
	CHECK(loop_run(&trial.loop, &err) == 0);
	CHECK(WIFSIGNALED(trial.what) && WTERMSIG(trial.what) == SIGKILL);
	loop_close(&trial.loop);
}

static void signals_come_as_events(void)
{
	static const int signals[] = {SIGTERM, SIGHUP, 0};
	struct trial trial = {0};

	CHECK(loop_open(&trial.loop, &err) == 0);
	CHECK(loop_signals(&trial.loop, &trial.one, signals, stop, &trial, &err) == 0);
	kill(getpid(), SIGTERM);
	CHECK(loop_run(&trial.loop, &err) == 0);
	CHECK(trial.what == SIGTERM);
	loop_remove(&trial.loop, &trial.one);
	loop_close(&trial.loop);
}

int main(void)
{
	TEST(a_timer_goes_off_once);
	TEST(a_removed_source_is_silent);
	TEST(children_are_waited_for);
	TEST(signals_come_as_events);
	return test_done();
}
