#include "base/secret.h"

#include <cstring>

namespace keywright {

void wipe_memory(void* data, std::size_t size) noexcept {
  if (size != 0) explicit_bzero(data, size);
}

}  // namespace keywright
