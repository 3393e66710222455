#include "traces/pack.h"

#include <memory>

#include <zstd.h>

#include "base/encoding.h"

namespace keywright::traces {
namespace {

// For less, starting the compressor costs more than writing the bytes that it saves.
constexpr std::size_t kWorthwhile = 2048;
constexpr int kLevel = 1;
constexpr std::int64_t kSizeMax = 64 * 1024 * 1024;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeExpander {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  return context.get();
}

ZSTD_DCtx* expander() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeExpander> context(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

Error trace_damaged() {
  return Error(Code::unavailable, "trace_damaged",
               "What is stored of this trace was damaged and cannot be shown.");
}

Packed pack(std::string_view text) {
  Packed packed;
  packed.size = static_cast<std::int64_t>(text.size());
  packed.checksum = crc32(text);
  if (text.size() >= kWorthwhile) {
    packed.bytes.resize(ZSTD_compressBound(text.size()));
    const std::size_t size = ZSTD_compressCCtx(
        compressor(), packed.bytes.data(), packed.bytes.size(), text.data(), text.size(), kLevel);
    if (ZSTD_isError(size) == 0 && size < text.size() - text.size() / 8) {
      packed.bytes.resize(size);
      packed.bytes.shrink_to_fit();
      packed.compressed = true;
      return packed;
    }
  }
  packed.bytes = text;
  return packed;
}

Result<std::string> unpack(std::string_view bytes, std::int64_t size, std::int64_t checksum,
                           bool compressed) {
  if (size < 0 || size > kSizeMax) return fail(trace_damaged());
  std::string text;
  if (compressed) {
    text.resize(static_cast<std::size_t>(size));
    const std::size_t made =
        ZSTD_decompressDCtx(expander(), text.data(), text.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(made) != 0 || made != text.size()) return fail(trace_damaged());
  } else {
    text = bytes;
  }
  if (static_cast<std::int64_t>(text.size()) != size || crc32(text) != checksum) {
    return fail(trace_damaged());
  }
  return text;
}

}  // namespace keywright::traces
