#include "ingest/inflate.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <zlib.h>

namespace keywright::ingest {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to say: gzip, largest window
constexpr std::size_t kStep = 32 * 1024;

Error malformed(std::string_view detail) {
  return Error(Code::invalid_argument, "malformed_body", detail);
}

}  // namespace

struct Inflater::State {
  z_stream stream{};
  bool begun = false;  // a member has begun and not ended
  bool any = false;    // there was a member at all
  bool usable = false;
};

Inflater::Inflater() : state_(std::make_unique<State>()) {
  state_->usable = inflateInit2(&state_->stream, kGzipWindow) == Z_OK;
}

Inflater::~Inflater() {
  if (state_->usable) inflateEnd(&state_->stream);
}

Result<void> Inflater::feed(std::string_view piece, std::string& out, std::size_t limit) {
  z_stream& stream = state_->stream;
  if (!state_->usable) return fail(Code::unavailable, "overloaded", "There is no memory for this.");
  std::array<char, kStep> buffer;
  // zlib reads through a pointer to non-const, and does not write there.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<uInt>(piece.size());
  while (true) {
    if (!state_->begun) {
      if (stream.avail_in == 0) return {};
      if (state_->any && inflateReset(&stream) != Z_OK) return fail(malformed("gzip failed."));
      state_->begun = state_->any = true;
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = buffer.size() - stream.avail_out;
    if (made > limit - std::min(limit, out.size())) {
      return fail(Code::too_large, "body_too_large",
                  fmt::format("A body has at most {} bytes; this one has more of them once "
                              "decompressed.",
                              limit));
    }
    out.append(buffer.data(), made);
    if (outcome == Z_STREAM_END) {
      state_->begun = false;
    } else if (outcome == Z_BUF_ERROR || (outcome == Z_OK && stream.avail_out != 0)) {
      return {};  // all input is used
    } else if (outcome != Z_OK) {
      return fail(malformed("The body is not well-formed gzip."));
    }
  }
}

Result<void> Inflater::finish() const {
  if (state_->begun || !state_->any) return fail(malformed("The gzip body ends too early."));
  return {};
}

}  // namespace keywright::ingest
