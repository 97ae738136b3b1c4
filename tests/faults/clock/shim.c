/* The system's clock of some processes, wrong by what a page of shared memory says, in microseconds: the first number
 * is for processes whose command line has CLOCK_SHIM_FIRST in it, the second for those with CLOCK_SHIM_SECOND. The
 * monotonic clock is left alone, as Linux leaves it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *off;

__attribute__((constructor)) static void begin(void) {
    char line[4096];
    const char *page = getenv("CLOCK_SHIM_PAGE");
    const char *names[] = {getenv("CLOCK_SHIM_FIRST"), getenv("CLOCK_SHIM_SECOND")};
    int fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
    long count = fd < 0 ? 0 : syscall(SYS_read, fd, line, sizeof line - 1);
    if (fd >= 0) syscall(SYS_close, fd);
    for (long i = 0; i < count; i++)
        if (!line[i]) line[i] = ' ';
    line[count < 0 ? 0 : count] = 0;
    for (int i = 0; page && i < 2; i++) {
        if (!names[i] || !strstr(line, names[i])) continue;
        fd = syscall(SYS_openat, AT_FDCWD, page, O_RDONLY);
        void *got = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0) syscall(SYS_close, fd);
        if (got != MAP_FAILED) off = (volatile int64_t *)got + i;
        return;
    }
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int done = syscall(SYS_clock_gettime, clock, at);
    if (done == 0 && off && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t us = at->tv_sec * 1000000ll + at->tv_nsec / 1000 + *off;
        if (us < 0) us = 0;
        at->tv_sec = us / 1000000;
        at->tv_nsec = us % 1000000 * 1000;
    }
    return done;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int done = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return done;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
