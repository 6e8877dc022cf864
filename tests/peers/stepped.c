/* A clock that can be stepped while a process runs: preloaded, it shows the process a time of day that is off by as many seconds as the
   file named by STEPPED_CLOCK says, an int64 that may be changed at any time.

   Only the time of day moves; the monotonic clock goes on, as it does when an administrator or NTP sets a host's clock. Waiting until a
   moment of the time of day goes by the stepped clock too, as in a kernel whose clock is set: a wait that has begun ends late when the
   clock is set back, at once when it is set ahead. Of all programs here only librdkafka waits so (cnd_timedwait). Times of files are true. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define LOOK 500000000L /* nanoseconds between looks whether the clock was stepped during a wait */

static int (*true_gettime)(clockid_t, struct timespec *);
static int (*true_timedwait)(cnd_t *, mtx_t *, const struct timespec *);
static const volatile int64_t *offset;

__attribute__((constructor)) static void begin(void) {
    true_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    true_timedwait = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
    const char *name = getenv("STEPPED_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    offset = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (offset == MAP_FAILED)
        abort();
}

int clock_gettime(clockid_t which, struct timespec *now) {
    if (!true_gettime) /* another library's constructor asks first */
        true_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = true_gettime(which, now);
    if (!failed && offset && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        now->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec found;
    int failed = clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept)
        *kept = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

static int64_t left_until(const struct timespec *moment) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (moment->tv_sec - now.tv_sec) * 1000000000L + moment->tv_nsec - now.tv_nsec;
}

/* Wakes now and then to look whether the clock was stepped: whoever waits for a condition must expect that. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict moment) {
    int64_t left = left_until(moment);
    struct timespec until;
    true_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += left < 0 ? 0 : left < LOOK ? left : LOOK;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int ended = true_timedwait(condition, mutex, &until);
    return ended == thrd_timedout && left_until(moment) > 0 ? thrd_success : ended;
}
