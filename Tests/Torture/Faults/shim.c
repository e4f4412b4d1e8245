/* Comes between a program and the C library (LD_PRELOAD), for the calls that touch one folder:
 *
 * TORTURE_FOLDER   the folder, absolute and without links; nothing is done without it
 * TORTURE_CALLS    a file that gets a line for every call: number, kind, name, path
 * TORTURE_AT       the number of the call at which something happens, from 1 on; 0: nothing
 * TORTURE_ACTION   what: a name of errno, SHORT, KILL, KILLAFTER, TEAR (half a write, then killed); from that call on to the
 *                  end: FULL (no space), READONLY, DEAD (nothing works)
 * TORTURE_RECORD   a file that gets every change with its data, in their order, as SimulatedDisk reads it
 *
 * For tests alone; never part of the program.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))real(#name))

enum kind {
    OPEN_READ, OPEN_WRITE, READ, WRITE, SYNC, RENAME, MKDIR, REMOVE, CLOSE, TRUNCATE, LINK, MMAP, STATUS, LIST, LOCK, MODE,
    KINDS
};
static const char *const kindNames[KINDS] = {
    "open_read", "open_write", "read", "write", "sync", "rename", "mkdir", "remove", "close", "truncate", "link", "mmap",
    "status", "list", "lock", "mode"
};

enum special { PASS = 0, SHORT = -1, TEAR = -2, AFTER = -3 };

/* Kinds of records; SimulatedDisk has the same numbers. */
enum record { R_OPEN = 1, R_WRITE, R_SYNC, R_RENAME, R_MKDIR, R_REMOVE, R_TRUNCATE };

#define DESCRIPTORS 4096
static struct { char *path; int64_t handle; } files[DESCRIPTORS];

static char folder[PATH_MAX];
static size_t folderLength;
static long failAt;
static char action[32];
static int callsFile = -1, recordFile = -1;
static long counter;
static int64_t handles;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static int openAside(const char *variable) {
    const char *path = getenv(variable);
    if (!path || !*path) return -1;
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) return -1;
    /* Out of the way, or the program would get other numbers than without. */
    int high = (int)syscall(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, 900);
    if (high < 0) return descriptor;
    syscall(SYS_close, descriptor);
    return high;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("TORTURE_FOLDER");
    if (!path) return;
    snprintf(folder, sizeof folder, "%s", path);
    folderLength = strlen(folder);
    const char *at = getenv("TORTURE_AT");
    failAt = at ? atol(at) : 0;
    const char *what = getenv("TORTURE_ACTION");
    snprintf(action, sizeof action, "%s", what ? what : "");
    callsFile = openAside("TORTURE_CALLS");
    recordFile = openAside("TORTURE_RECORD");
}

/* The path without dots and doubled slashes, absolute. Whether it is in the folder. */
static int resolve(int directory, const char *path, char *out) {
    char joined[2 * PATH_MAX];
    if (!folderLength || !path) return 0;
    if (path[0] == '/') {
        snprintf(joined, sizeof joined, "%s", path);
    } else if (directory == AT_FDCWD) {
        char current[PATH_MAX];
        if (syscall(SYS_getcwd, current, sizeof current) < 0) return 0;
        snprintf(joined, sizeof joined, "%s/%s", current, path);
    } else if (directory >= 0 && directory < DESCRIPTORS && files[directory].path) {
        snprintf(joined, sizeof joined, "%s/%s", files[directory].path, path);
    } else {
        return 0;
    }
    size_t length = 0;
    for (char *part = joined; *part;) {
        while (*part == '/') part++;
        char *end = part;
        while (*end && *end != '/') end++;
        size_t size = (size_t)(end - part);
        if (size == 2 && part[0] == '.' && part[1] == '.') {
            while (length && out[--length] != '/') {}
        } else if (size && !(size == 1 && part[0] == '.')) {
            if (length + size + 2 > PATH_MAX) return 0;
            out[length++] = '/';
            memcpy(out + length, part, size);
            length += size;
        }
        part = end;
    }
    out[length] = 0;
    return strncmp(out, folder, folderLength) == 0 && (out[folderLength] == '/' || out[folderLength] == 0);
}

static const char *pathOf(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS ? files[descriptor].path : NULL;
}

static int number(const char *name) {
    static const struct { const char *name; int value; } known[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES},
        {"ENOLCK", ENOLCK}, {"EMFILE", EMFILE}, {"ESTALE", ESTALE}, {"EROFS", EROFS}
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name)) return known[i].value;
    return EIO;
}

static void tell(const char *what, long n, enum kind kind, const char *name, const char *path) {
    if (callsFile < 0) return;
    char line[2 * PATH_MAX];
    int size = snprintf(line, sizeof line, "%s%ld\t%s\t%s\t%s\n", what, n, kindNames[kind], name, path);
    if (size > 0) syscall(SYS_write, callsFile, line, (size_t)size);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* What becomes of a call: an errno, or one of `special`. */
static int decide(enum kind kind, const char *name, const char *path) {
    long n = __atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
    tell("", n, kind, name, path);
    if (!failAt || n < failAt) return PASS;
    int changes = kind == OPEN_WRITE || kind == WRITE || kind == RENAME || kind == MKDIR || kind == REMOVE
        || kind == TRUNCATE || kind == LINK || kind == MODE;
    if (!strcmp(action, "FULL"))
        return kind == OPEN_WRITE || kind == WRITE || kind == MKDIR || kind == LINK ? ENOSPC : PASS;
    if (!strcmp(action, "READONLY")) return changes ? EROFS : PASS;
    if (!strcmp(action, "DEAD")) return kind == CLOSE ? PASS : EIO;
    if (n != failAt) return PASS;
    tell("HIT ", n, kind, name, path);
    if (!strcmp(action, "KILL")) die();
    if (!strcmp(action, "KILLAFTER")) return AFTER;
    if (!strcmp(action, "TEAR")) {
        if (kind != WRITE) die();
        return TEAR;
    }
    if (!strcmp(action, "SHORT")) return SHORT;
    return number(action);
}

static void recordRaw(
    enum record kind, int64_t handle, int64_t offset, const char *path, const char *other, const void *data, size_t size
) {
    struct { uint32_t kind, path, other, data; int64_t handle, offset; } header = {
        (uint32_t)kind, path ? (uint32_t)strlen(path) : 0, other ? (uint32_t)strlen(other) : 0, (uint32_t)size, handle, offset
    };
    struct iovec parts[4] = {
        {&header, sizeof header}, {(void *)path, header.path}, {(void *)other, header.other}, {(void *)data, size}
    };
    ssize_t written = syscall(SYS_writev, recordFile, parts, 4);
    (void)written;
}

static void enter(void) { if (recordFile >= 0) pthread_mutex_lock(&lock); }
static void leave(void) {
    int code = errno;
    if (recordFile >= 0) pthread_mutex_unlock(&lock);
    errno = code;
}
#define RECORD(...) do { if (recordFile >= 0) { int kept = errno; recordRaw(__VA_ARGS__); errno = kept; } } while (0)

/* Runs `call` unless it is to fail; `count` bytes may be cut. */
#define RUN(type, kind, name, path, call) do { \
    int what = decide(kind, name, path); \
    if (what > 0) { errno = what; return (type)-1; } \
    type result = call; \
    if (what == AFTER) die(); \
    return result; \
} while (0)

/* Opening */

static int openFile(const char *name, int directory, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if (!resolve(directory, path, full)) return (int)syscall(SYS_openat, directory, path, flags, mode);
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
    int what = decide(writes ? OPEN_WRITE : OPEN_READ, name, full);
    if (what > 0) { errno = what; return -1; }
    enter();
    int descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (descriptor >= 0 && descriptor < DESCRIPTORS) {
        free(files[descriptor].path);
        files[descriptor].path = strdup(full);
        files[descriptor].handle = ++handles;
        RECORD(R_OPEN, files[descriptor].handle, flags & (O_CREAT | O_TRUNC), full, NULL, NULL, 0);
    }
    leave();
    if (what == AFTER) die();
    return descriptor;
}

#define MODE_ARGUMENT(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

EXPORT int open(const char *path, int flags, ...) { MODE_ARGUMENT(flags) return openFile("open", AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE_ARGUMENT(flags) return openFile("open", AT_FDCWD, path, flags, mode); }
EXPORT int openat(int directory, const char *path, int flags, ...) {
    MODE_ARGUMENT(flags) return openFile("openat", directory, path, flags, mode);
}
EXPORT int openat64(int directory, const char *path, int flags, ...) {
    MODE_ARGUMENT(flags) return openFile("openat", directory, path, flags, mode);
}
EXPORT int creat(const char *path, mode_t mode) {
    return openFile("creat", AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EXPORT int __open_2(const char *path, int flags) { return openFile("open", AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char *path, int flags) { return openFile("open", AT_FDCWD, path, flags, 0); }

EXPORT int close(int descriptor) {
    if (!pathOf(descriptor)) return (int)syscall(SYS_close, descriptor);
    int what = decide(CLOSE, "close", pathOf(descriptor));
    enter();
    free(files[descriptor].path);
    files[descriptor].path = NULL;
    /* Whatever it returns, the descriptor is gone. */
    int result = (int)syscall(SYS_close, descriptor);
    leave();
    if (what > 0) { errno = what; return -1; }
    if (what == AFTER) die();
    return result;
}

/* Reading and writing */

static size_t half(int descriptor, size_t count) {
    size_t half = count / 2;
    int flags = (int)syscall(SYS_fcntl, descriptor, F_GETFL);
    /* A short direct write still ends at a block. */
    if (flags >= 0 && (flags & O_DIRECT)) return half & ~(size_t)4095;
    return half;
}

static int64_t placeOf(int descriptor) {
    int flags = (int)syscall(SYS_fcntl, descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_APPEND)) {
        struct stat status;
        return REAL(fstat)(descriptor, &status) == 0 ? (int64_t)status.st_size : 0;
    }
    return (int64_t)syscall(SYS_lseek, descriptor, 0L, SEEK_CUR);
}

static ssize_t writeFile(const char *name, int descriptor, const void *bytes, size_t count, int64_t offset) {
    int what = decide(WRITE, name, pathOf(descriptor));
    if (what > 0) { errno = what; return -1; }
    size_t wanted = what == SHORT || what == TEAR ? half(descriptor, count) : count;
    if (!wanted) {
        if (what == TEAR) die();
        wanted = count;
    }
    enter();
    int64_t place = offset >= 0 ? offset : recordFile >= 0 ? placeOf(descriptor) : 0;
    ssize_t written = offset >= 0 ? syscall(SYS_pwrite64, descriptor, bytes, wanted, offset)
                                  : syscall(SYS_write, descriptor, bytes, wanted);
    if (written > 0) RECORD(R_WRITE, files[descriptor].handle, place, NULL, NULL, bytes, (size_t)written);
    leave();
    if (what == TEAR || what == AFTER) die();
    return written;
}

EXPORT ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (!pathOf(descriptor)) return syscall(SYS_write, descriptor, bytes, count);
    return writeFile("write", descriptor, bytes, count, -1);
}
EXPORT ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    if (!pathOf(descriptor)) return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    return writeFile("pwrite", descriptor, bytes, count, offset);
}
EXPORT ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return pwrite(descriptor, bytes, count, offset);
}
EXPORT ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    if (!pathOf(descriptor) || count < 1) return syscall(SYS_writev, descriptor, parts, count);
    /* A short write, which the system may do as well. */
    return writeFile("writev", descriptor, parts[0].iov_base, parts[0].iov_len, -1);
}

EXPORT ssize_t read(int descriptor, void *bytes, size_t count) {
    if (!pathOf(descriptor)) return syscall(SYS_read, descriptor, bytes, count);
    int what = decide(READ, "read", pathOf(descriptor));
    if (what > 0) { errno = what; return -1; }
    if (what == SHORT && count > 1) count /= 2;
    ssize_t result = syscall(SYS_read, descriptor, bytes, count);
    if (what == AFTER) die();
    return result;
}
EXPORT ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    if (!pathOf(descriptor)) return syscall(SYS_pread64, descriptor, bytes, count, offset);
    int what = decide(READ, "pread", pathOf(descriptor));
    if (what > 0) { errno = what; return -1; }
    if (what == SHORT && count > 1) count /= 2;
    ssize_t result = syscall(SYS_pread64, descriptor, bytes, count, offset);
    if (what == AFTER) die();
    return result;
}
EXPORT ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
    return pread(descriptor, bytes, count, offset);
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    if (descriptor >= 0 && pathOf(descriptor)) RUN(void *, MMAP, "mmap", pathOf(descriptor),
        (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset));
    return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}
EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off64_t offset) {
    return mmap(address, length, protection, flags, descriptor, offset);
}

static int syncFile(const char *name, int descriptor, long call) {
    if (!pathOf(descriptor)) return (int)syscall(call, descriptor);
    int what = decide(SYNC, name, pathOf(descriptor));
    if (what > 0) { errno = what; return -1; }
    enter();
    int result = (int)syscall(call, descriptor);
    if (result == 0) RECORD(R_SYNC, files[descriptor].handle, 0, NULL, NULL, NULL, 0);
    leave();
    if (what == AFTER) die();
    return result;
}
EXPORT int fsync(int descriptor) { return syncFile("fsync", descriptor, SYS_fsync); }
EXPORT int fdatasync(int descriptor) { return syncFile("fdatasync", descriptor, SYS_fdatasync); }

EXPORT int ftruncate(int descriptor, off_t size) {
    if (!pathOf(descriptor)) return (int)syscall(SYS_ftruncate, descriptor, size);
    int what = decide(TRUNCATE, "ftruncate", pathOf(descriptor));
    if (what > 0) { errno = what; return -1; }
    enter();
    int result = (int)syscall(SYS_ftruncate, descriptor, size);
    if (result == 0) RECORD(R_TRUNCATE, files[descriptor].handle, size, NULL, NULL, NULL, 0);
    leave();
    if (what == AFTER) die();
    return result;
}
EXPORT int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }

EXPORT int flock(int descriptor, int operation) {
    if (pathOf(descriptor)) RUN(int, LOCK, "flock", pathOf(descriptor), (int)syscall(SYS_flock, descriptor, operation));
    return (int)syscall(SYS_flock, descriptor, operation);
}

/* Names */

static int renameFile(int from, const char *old, int to, const char *new, unsigned flags) {
    char oldPath[PATH_MAX], newPath[PATH_MAX];
    int isOld = resolve(from, old, oldPath), isNew = resolve(to, new, newPath);
    if (!isOld && !isNew) return (int)syscall(SYS_renameat2, from, old, to, new, flags);
    int what = decide(RENAME, "rename", isNew ? newPath : oldPath);
    if (what > 0) { errno = what; return -1; }
    enter();
    int result = (int)syscall(SYS_renameat2, from, old, to, new, flags);
    if (result == 0) RECORD(R_RENAME, 0, 0, oldPath, newPath, NULL, 0);
    leave();
    if (what == AFTER) die();
    return result;
}
EXPORT int rename(const char *old, const char *new) { return renameFile(AT_FDCWD, old, AT_FDCWD, new, 0); }
EXPORT int renameat(int from, const char *old, int to, const char *new) { return renameFile(from, old, to, new, 0); }
EXPORT int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return renameFile(from, old, to, new, flags);
}

static int makeFolder(int directory, const char *path, mode_t mode) {
    char full[PATH_MAX];
    if (!resolve(directory, path, full)) return (int)syscall(SYS_mkdirat, directory, path, mode);
    int what = decide(MKDIR, "mkdir", full);
    if (what > 0) { errno = what; return -1; }
    enter();
    int result = (int)syscall(SYS_mkdirat, directory, path, mode);
    if (result == 0) RECORD(R_MKDIR, 0, 0, full, NULL, NULL, 0);
    leave();
    if (what == AFTER) die();
    return result;
}
EXPORT int mkdir(const char *path, mode_t mode) { return makeFolder(AT_FDCWD, path, mode); }
EXPORT int mkdirat(int directory, const char *path, mode_t mode) { return makeFolder(directory, path, mode); }

static int removeName(const char *name, int directory, const char *path, int flags) {
    char full[PATH_MAX];
    if (!resolve(directory, path, full)) return (int)syscall(SYS_unlinkat, directory, path, flags);
    int what = decide(REMOVE, name, full);
    if (what > 0) { errno = what; return -1; }
    enter();
    int result = (int)syscall(SYS_unlinkat, directory, path, flags);
    if (result == 0) RECORD(R_REMOVE, 0, 0, full, NULL, NULL, 0);
    leave();
    if (what == AFTER) die();
    return result;
}
EXPORT int unlink(const char *path) { return removeName("unlink", AT_FDCWD, path, 0); }
EXPORT int unlinkat(int directory, const char *path, int flags) { return removeName("unlinkat", directory, path, flags); }
EXPORT int rmdir(const char *path) { return removeName("rmdir", AT_FDCWD, path, AT_REMOVEDIR); }
EXPORT int remove(const char *path) {
    struct stat status;
    int isFolder = REAL(lstat)(path, &status) == 0 && S_ISDIR(status.st_mode);
    return removeName("remove", AT_FDCWD, path, isFolder ? AT_REMOVEDIR : 0);
}

static int linkFile(const char *name, const char *new, long call, const char *old) {
    char full[PATH_MAX];
    int inside = resolve(AT_FDCWD, new, full);
    int what = inside ? decide(LINK, name, full) : PASS;
    if (what > 0) { errno = what; return -1; }
    int result = call == SYS_linkat ? (int)syscall(SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0)
                                    : (int)syscall(SYS_symlinkat, old, AT_FDCWD, new);
    if (what == AFTER) die();
    return result;
}
EXPORT int link(const char *old, const char *new) { return linkFile("link", new, SYS_linkat, old); }
EXPORT int symlink(const char *old, const char *new) { return linkFile("symlink", new, SYS_symlinkat, old); }

/* Looking */

#define LOOK(name, kind, directory, path, call) do { \
    char full[PATH_MAX]; \
    if (resolve(directory, path, full)) RUN(int, kind, name, full, call); \
    return call; \
} while (0)

EXPORT int stat(const char *path, struct stat *status) { LOOK("stat", STATUS, AT_FDCWD, path, REAL(stat)(path, status)); }
EXPORT int lstat(const char *path, struct stat *status) { LOOK("lstat", STATUS, AT_FDCWD, path, REAL(lstat)(path, status)); }
EXPORT int fstatat(int directory, const char *path, struct stat *status, int flags) {
    LOOK("fstatat", STATUS, directory, path, REAL(fstatat)(directory, path, status, flags));
}
EXPORT int stat64(const char *path, struct stat64 *status) { LOOK("stat", STATUS, AT_FDCWD, path, REAL(stat64)(path, status)); }
EXPORT int lstat64(const char *path, struct stat64 *status) {
    LOOK("lstat", STATUS, AT_FDCWD, path, REAL(lstat64)(path, status));
}
EXPORT int fstat(int descriptor, struct stat *status) {
    if (pathOf(descriptor)) RUN(int, STATUS, "fstat", pathOf(descriptor), REAL(fstat)(descriptor, status));
    return REAL(fstat)(descriptor, status);
}
EXPORT int fstat64(int descriptor, struct stat64 *status) {
    if (pathOf(descriptor)) RUN(int, STATUS, "fstat", pathOf(descriptor), REAL(fstat64)(descriptor, status));
    return REAL(fstat64)(descriptor, status);
}
EXPORT int access(const char *path, int mode) { LOOK("access", STATUS, AT_FDCWD, path, REAL(access)(path, mode)); }
EXPORT int statvfs(const char *path, struct statvfs *status) {
    LOOK("statvfs", STATUS, AT_FDCWD, path, REAL(statvfs)(path, status));
}
EXPORT int chmod(const char *path, mode_t mode) {
    LOOK("chmod", MODE, AT_FDCWD, path, (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode));
}
EXPORT DIR *opendir(const char *path) {
    char full[PATH_MAX];
    int inside = resolve(AT_FDCWD, path, full);
    int what = inside ? decide(LIST, "opendir", full) : PASS;
    if (what > 0) { errno = what; return NULL; }
    DIR *result = REAL(opendir)(path);
    if (what == AFTER) die();
    return result;
}
