#define _GNU_SOURCE
#include "CVirtualTime.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int64_t second = 1000000000;
static const int64_t epoch_seconds = 1700000000;
static int64_t now = 0;
static bool is_virtual = false;

/* Takes the place of the C library's for the whole process: Swift's clocks and Foundation's dates ask it. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!is_virtual) return (int)syscall(SYS_clock_gettime, clock, time);
    time->tv_sec = now / second + (clock == CLOCK_REALTIME ? epoch_seconds : 0);
    time->tv_nsec = now % second;
    return 0;
}

void virtual_time_set(int64_t nanoseconds) {
    is_virtual = true;
    now = nanoseconds;
}

int64_t virtual_time_now(void) { return now; }

int64_t system_time_now(void) {
    struct timespec time;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

static char crash_line[128];

void crash_note_seed(uint64_t seed) {
    snprintf(crash_line, sizeof crash_line, "\nseed %llu: the process crashed\n", (unsigned long long)seed);
}

static void crashed(int number) {
    ssize_t ignored = write(STDERR_FILENO, crash_line, strlen(crash_line));
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

void crash_note_install(void) {
    const int numbers[] = {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++) signal(numbers[index], crashed);
}
