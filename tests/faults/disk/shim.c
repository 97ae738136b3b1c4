/* Between a process and its files below DISK_SHIM_ROOT: makes syncs slow, makes calls fail, and writes down what was
 * asked of the disk and what was said to the world, in order. Control is a page of shared memory, so that faults come
 * and go while the process runs. See control.py for the layouts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int32_t write_errno; /* what a write, truncate, creation, rename or unlink fails with; 0: it does not */
    volatile int32_t sync_errno;
    volatile int32_t sync_us;     /* how long a sync takes at least */
    volatile int32_t skip_sync;  /* a sync is only counted: for a disk whose own time would be in the way */
    volatile int64_t spare;       /* so many more writes succeed before write_errno counts */
    volatile int64_t free_bytes;  /* what statvfs tells, -1: the truth */
    volatile int64_t writes;
    volatile int64_t syncs;
    char target[64];              /* only paths with this in them are at fault; empty: all */
};

enum { WRITE = 1, TRUNCATE, SYNC, CREATE, RENAME, UNLINK, SAID };

#define MOST 4096
static char *paths[MOST];
static char kinds[MOST]; /* 'f' a file of ours, 'd' a folder of ours, 's' a socket or terminal, 0 not looked at, '-' */
static struct control *control;
static const char *root, *match, *trace_folder;
static int trace_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    root = getenv("DISK_SHIM_ROOT");
    match = getenv("DISK_SHIM_MATCH");
    trace_folder = getenv("DISK_SHIM_TRACE");
    const char *page = getenv("DISK_SHIM_CONTROL");
    if (page) {
        int fd = syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC);
        void *got = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (got != MAP_FAILED) control = got;
        if (fd >= 0) syscall(SYS_close, fd);
    }
}

static int ours(const char *path, char *whole) {
    if (!root || !path) return 0;
    if (path[0] == '/') {
        snprintf(whole, 4096, "%s", path);
    } else {
        char here[2048];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(whole, 4096, "%s/%s", here, path);
    }
    if (strncmp(whole, root, strlen(root))) return 0;
    return 1;
}

static int matches(const char *whole) {
    if (!match) return 1;
    char all[512], *save = NULL;
    snprintf(all, sizeof all, "%s", match);
    for (char *one = strtok_r(all, ":", &save); one; one = strtok_r(NULL, ":", &save))
        if (strstr(whole, one)) return 1;
    return 0;
}

static void record(uint32_t op, const char *path, uint64_t offset, const struct iovec *parts, int count) {
    if (!trace_folder) return;
    uint32_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    pthread_mutex_lock(&lock);
    if (trace_fd < 0 && op != SAID) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%d", trace_folder, getpid());
        trace_fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (trace_fd >= 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t at = now.tv_sec * 1000000000ull + now.tv_nsec;
        struct { uint32_t op, path, data, pad; uint64_t offset, at; } head = {op, strlen(path), length, 0, offset, at};
        struct iovec all[66];
        all[0] = (struct iovec){&head, sizeof head};
        all[1] = (struct iovec){(void *)path, head.path};
        if (count > 64) count = 64;
        memcpy(all + 2, parts, count * sizeof *parts);
        syscall(SYS_writev, trace_fd, all, count + 2);
    }
    pthread_mutex_unlock(&lock);
}

static void record1(uint32_t op, const char *path, uint64_t offset, const void *data, size_t length) {
    struct iovec one = {(void *)data, length};
    record(op, path, offset, &one, 1);
}

static int aimed_at(const char *path) { return control && (!control->target[0] || strstr(path, control->target)); }

static int refused(const char *path) {
    if (!aimed_at(path)) return 0;
    __sync_fetch_and_add(&control->writes, 1);
    if (!control->write_errno) return 0;
    if (control->spare > 0 && __sync_fetch_and_sub(&control->spare, 1) > 0) return 0;
    errno = control->write_errno;
    return 1;
}

static char kind_of(int fd) {
    if (fd < 0 || fd >= MOST) return '-';
    if (!kinds[fd]) {
        struct stat about;
        int good = fstat(fd, &about) == 0;
        kinds[fd] = good && (S_ISSOCK(about.st_mode) || (S_ISCHR(about.st_mode) && fd > 2)) ? 's' : '-';
    }
    return kinds[fd];
}

static int opened(int fd, const char *whole, int flags, int made) {
    if (fd < 0 || fd >= MOST) return fd;
    struct stat about;
    int folder = fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
    if (folder || matches(whole)) {
        free(paths[fd]);
        paths[fd] = strdup(whole);
        kinds[fd] = folder ? 'd' : 'f';
        if (made) record(CREATE, whole, 0, NULL, 0);
        if (flags & O_TRUNC) record(TRUNCATE, whole, 0, NULL, 0);
    }
    return fd;
}

static int open_any(int at, const char *path, int flags, mode_t mode) {
    char whole[4096];
    int is_ours = at == AT_FDCWD && ours(path, whole);
    int made = is_ours && matches(whole) && (flags & O_CREAT) && syscall(SYS_access, path, F_OK) != 0;
    if (made && refused(whole)) return -1;
    if (is_ours && aimed_at(whole) && control->write_errno == EROFS && matches(whole) && (flags & (O_WRONLY | O_RDWR))) {
        errno = EROFS;
        return -1;
    }
    int fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < MOST) kinds[fd] = 0;
    return is_ours ? opened(fd, whole, flags, made) : fd;
}

#define OPEN(name)                                                                                                    \
    int name(const char *path, int flags, ...) {                                                                      \
        va_list more;                                                                                                 \
        va_start(more, flags);                                                                                        \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                                       \
        va_end(more);                                                                                                 \
        return open_any(AT_FDCWD, path, flags, mode);                                                                 \
    }
#define OPENAT(name)                                                                                                  \
    int name(int at, const char *path, int flags, ...) {                                                              \
        va_list more;                                                                                                 \
        va_start(more, flags);                                                                                        \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                                       \
        va_end(more);                                                                                                 \
        return open_any(at, path, flags, mode);                                                                       \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (fd >= 0 && fd < MOST) {
        kinds[fd] = 0;
        free(paths[fd]);
        paths[fd] = NULL;
    }
    return syscall(SYS_close, fd);
}

static ssize_t positioned(int fd, const void *data, size_t count, off_t offset) {
    if (kind_of(fd) == 'f') {
        if (refused(paths[fd])) return -1;
        ssize_t done = syscall(SYS_pwrite64, fd, data, count, offset);
        if (done > 0) record1(WRITE, paths[fd], offset, data, done);
        return done;
    }
    return syscall(SYS_pwrite64, fd, data, count, offset);
}
ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) { return positioned(fd, data, count, offset); }
ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset) { return positioned(fd, data, count, offset); }

ssize_t write(int fd, const void *data, size_t count) {
    char kind = kind_of(fd);
    if (kind == 'f') {
        off_t offset = lseek(fd, 0, SEEK_CUR);
        if (refused(paths[fd])) return -1;
        ssize_t done = syscall(SYS_write, fd, data, count);
        if (done > 0) record1(WRITE, paths[fd], offset, data, done);
        return done;
    }
    if (kind == 's') {
        char name[16];
        snprintf(name, sizeof name, "%d", fd);
        record1(SAID, name, 0, data, count);
    }
    return syscall(SYS_write, fd, data, count);
}

static void said(int fd, const struct iovec *parts, int count) {
    char name[16];
    if (kind_of(fd) != 's') return;
    snprintf(name, sizeof name, "%d", fd);
    record(SAID, name, 0, parts, count);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    said(fd, parts, count);
    return syscall(SYS_writev, fd, parts, count);
}
ssize_t sendto(int fd, const void *data, size_t count, int flags, const struct sockaddr *to, socklen_t length) {
    struct iovec one = {(void *)data, count};
    said(fd, &one, 1);
    return syscall(SYS_sendto, fd, data, count, flags, to, length);
}
ssize_t send(int fd, const void *data, size_t count, int flags) { return sendto(fd, data, count, flags, NULL, 0); }
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    said(fd, message->msg_iov, message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}

static int sync_any(int fd, long number) {
    char kind = kind_of(fd);
    if (kind != 'f' && kind != 'd') return syscall(number, fd);
    if (aimed_at(paths[fd])) {
        __sync_fetch_and_add(&control->syncs, 1);
        if (control->sync_us > 0) usleep(control->sync_us);
        if (control->sync_errno) {
            errno = control->sync_errno;
            return -1;
        }
    }
    int done = control && control->skip_sync ? 0 : syscall(number, fd);
    if (done == 0) record(SYNC, paths[fd], 0, NULL, 0);
    return done;
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }

static int truncate_any(int fd, off_t length) {
    if (kind_of(fd) == 'f') {
        if (refused(paths[fd])) return -1;
        int done = syscall(SYS_ftruncate, fd, length);
        if (done == 0) record(TRUNCATE, paths[fd], length, NULL, 0);
        return done;
    }
    return syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return truncate_any(fd, length); }
int ftruncate64(int fd, off_t length) { return truncate_any(fd, length); }

int rename(const char *from, const char *to) {
    char whole[4096], then[4096];
    int is_ours = ours(from, whole) && ours(to, then) && (matches(whole) || matches(then));
    if (is_ours && refused(whole)) return -1;
    int done = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (done == 0 && is_ours) record1(RENAME, whole, 0, then, strlen(then));
    return done;
}

int unlink(const char *path) {
    char whole[4096];
    int is_ours = ours(path, whole) && matches(whole);
    if (is_ours && refused(whole)) return -1;
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (done == 0 && is_ours) record(UNLINK, whole, 0, NULL, 0);
    return done;
}

int statvfs(const char *path, struct statvfs *about) {
    typedef int (*call)(const char *, struct statvfs *);
    static call real;
    if (!real) real = (call)dlsym(RTLD_NEXT, "statvfs");
    char whole[4096];
    int done = real(path, about);
    if (done == 0 && control && control->free_bytes >= 0 && ours(path, whole) && aimed_at(whole))
        about->f_bavail = about->f_bfree = control->free_bytes / about->f_frsize;
    return done;
}
int statvfs64(const char *path, struct statvfs64 *about) { return statvfs(path, (struct statvfs *)about); }
