// Makes a disk look full to one program, for machines where tests may not mount a small one.
//
//   cc -shared -fPIC -o full_disk.so full_disk.c -ldl
//   FULL_DISK_FLAG=dir/full FULL_DISK_RELIEF=dir/ballast LD_PRELOAD=./full_disk.so program
//
// While the flag file exists and the relief file does not make room again by being gone, whatever
// would make a file in the relief file's folder longer fails with ENOSPC.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_full(void) {
  const char* flag = getenv("FULL_DISK_FLAG");
  const char* relief = getenv("FULL_DISK_RELIEF");
  return flag && access(flag, F_OK) == 0 && !(relief && access(relief, F_OK) != 0);
}

static int is_on_the_disk(int fd) {
  char link[64], path[4096];
  const char* relief = getenv("FULL_DISK_RELIEF");
  const char* slash = relief ? strrchr(relief, '/') : NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path);
  return slash && length > slash - relief && strncmp(path, relief, (size_t)(slash - relief)) == 0;
}

static int refuses(int fd, off_t end) {
  struct stat status;
  if (!is_full() || fstat(fd, &status) != 0) return 0;
  if (!S_ISREG(status.st_mode) || !is_on_the_disk(fd)) return 0;
  if (end <= status.st_size) return 0;
  errno = ENOSPC;
  return 1;
}

static void* next(const char* name) { return dlsym(RTLD_NEXT, name); }

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  if (!real) real = next("pwrite64");
  return refuses(fd, at + (off_t)size) ? -1 : real(fd, bytes, size, at);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return pwrite64(fd, bytes, size, at);
}
ssize_t write(int fd, const void* bytes, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) real = next("write");
  struct stat status;
  const int file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const off_t at = file ? lseek(fd, 0, SEEK_CUR) : -1;
  return at >= 0 && refuses(fd, at + (off_t)size) ? -1 : real(fd, bytes, size);
}
int ftruncate64(int fd, off64_t size) {
  static int (*real)(int, off64_t);
  if (!real) real = next("ftruncate64");
  return refuses(fd, size) ? -1 : real(fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fallocate64(int fd, int mode, off64_t at, off64_t size) {
  static int (*real)(int, int, off64_t, off64_t);
  if (!real) real = next("fallocate64");
  return refuses(fd, at + size) ? -1 : real(fd, mode, at, size);
}
int fallocate(int fd, int mode, off_t at, off_t size) { return fallocate64(fd, mode, at, size); }
int posix_fallocate64(int fd, off64_t at, off64_t size) {
  static int (*real)(int, off64_t, off64_t);
  if (!real) real = next("posix_fallocate64");
  return refuses(fd, at + size) ? ENOSPC : real(fd, at, size);
}
int posix_fallocate(int fd, off_t at, off_t size) { return posix_fallocate64(fd, at, size); }
