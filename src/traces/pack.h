// traces/pack.h - text as it lies in the trace store: compressed where that pays, with a checksum.
//
//   Packed packed = pack(body);
//   KW_TRY(std::string body, unpack(packed));
//
// Errors of unpack(): unavailable/trace_damaged when the bytes are not the ones that were packed.
// Threading: any thread; each keeps a compressor of its own.
// Cost: zstd at level 1, about 5 us for 1 KB; short texts are kept as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keywright::traces {

struct Packed {
  std::string bytes;
  std::int64_t size = 0;      // of the text
  std::int64_t checksum = 0;  // of the text
  bool compressed = false;
};

Packed pack(std::string_view text);

// What whoever asks for a damaged trace is told.
Error trace_damaged();

Result<std::string> unpack(std::string_view bytes, std::int64_t size, std::int64_t checksum,
                           bool compressed);

inline Result<std::string> unpack(const Packed& packed) {
  return unpack(packed.bytes, packed.size, packed.checksum, packed.compressed);
}

}  // namespace keywright::traces
