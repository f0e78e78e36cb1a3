/* A disk that fails on demand. Preloaded into the server by test_disk.py; the file that $CTS_TEST_FAULT names says how:
   sync: nothing reaches the disk; full: nothing more fits on it; readonly: it was mounted anew, for reading only. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int is(const char *fault) {
    const char *path = getenv("CTS_TEST_FAULT");
    char found[16] = "";
    long file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        if (read(file, found, sizeof found - 1) < 0) found[0] = 0;
        close(file);
    }
    return strcmp(found, fault) == 0;
}

static int fail(int error) {
    errno = error;
    return -1;
}

int fsync(int file) { return is("sync") ? fail(EIO) : syscall(SYS_fsync, file); }
int fdatasync(int file) { return is("sync") ? fail(EIO) : syscall(SYS_fdatasync, file); }

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    if (is("full")) return fail(ENOSPC);
    if (is("readonly")) return fail(EROFS);
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) { return pwrite64(file, bytes, count, offset); }

static int open_file(const char *path, int flags, mode_t mode) {
    if ((flags & O_ACCMODE) != O_RDONLY && strstr(path, ".db") && is("readonly")) return fail(EROFS);
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
static mode_t mode_in(int flags, va_list rest) { return flags & O_CREAT ? va_arg(rest, mode_t) : 0; }

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_in(flags, rest);
    va_end(rest);
    return open_file(path, flags | O_LARGEFILE, mode);
}
int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_in(flags, rest);
    va_end(rest);
    return open_file(path, flags, mode);
}
