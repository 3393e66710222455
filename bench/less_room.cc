// Preloaded into the server under valgrind, which has less address space to give than the kernel:
// reserves less where much is reserved ahead (app/usage.h).

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace {
constexpr std::size_t kMost = std::size_t{1} << 34;
}

extern "C" void* mmap(void* address, std::size_t bytes, int protection, int flags, int descriptor,
                      off_t offset) noexcept {
  if (protection == PROT_NONE) bytes = std::min(bytes, kMost);
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, address, bytes, protection, flags, descriptor, offset));
}

extern "C" int munmap(void* address, std::size_t bytes) noexcept {
  return static_cast<int>(::syscall(SYS_munmap, address, std::min(bytes, kMost)));
}
