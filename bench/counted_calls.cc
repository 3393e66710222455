#include "counted_calls.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cstddef>

// What glibc's own functions are called behind the names that are taken here.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace keywright::bench {
namespace {

thread_local constinit CountedCalls calls;

template <class Function>
Function next_function(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

CountedCalls counted_calls() { return calls; }

}  // namespace keywright::bench

using keywright::bench::calls;
using keywright::bench::next_function;

extern "C" {

void* malloc(std::size_t bytes) noexcept {
  ++calls.allocations;
  return __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) noexcept {
  ++calls.allocations;
  return __libc_calloc(count, bytes);
}

void* realloc(void* block, std::size_t bytes) noexcept {
  ++calls.allocations;
  return __libc_realloc(block, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  ++calls.allocations;
  return __libc_memalign(alignment, bytes);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto next = next_function<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  ++calls.locks;
  return next(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static const auto next = next_function<int (*)(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  ++calls.locks;
  return next(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  static const auto next = next_function<int (*)(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
  ++calls.locks;
  return next(lock);
}

}  // extern "C"
