#include "forwarding/gzip.h"

#include <zlib.h>

namespace keywright::forwarding {
namespace {

constexpr int kLevel = 1;             // traces repeat themselves: more time would save little
constexpr int kGzipWindow = 15 + 16;  // zlib's way to say: gzip, largest window
constexpr int kMemory = 8;            // zlib's default

}  // namespace

std::string gzip_of(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out;
  out.resize(deflateBound(&stream, text.size()));
  // zlib reads only; its interface is older than const.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace keywright::forwarding
