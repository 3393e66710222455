#include "http/h2_pool.h"

#include <utility>

namespace keywright::http::h2 {

namespace {

constexpr std::size_t kSpareStreams = 1024;
constexpr std::size_t kSpareOutputs = 64;

}  // namespace

std::unique_ptr<Stream> Pool::take_stream() {
  if (streams_.empty()) return std::make_unique<Stream>();
  auto stream = std::move(streams_.back());
  streams_.pop_back();
  return stream;
}

void Pool::give_back(std::unique_ptr<Stream> stream) {
  stream->clear();
  if (streams_.size() < kSpareStreams) streams_.push_back(std::move(stream));
}

std::string Pool::take_output() {
  if (outputs_.empty()) return {};
  std::string output = std::move(outputs_.back());
  outputs_.pop_back();
  return output;
}

void Pool::give_back(std::string output) {
  output.clear();
  if (outputs_.size() < kSpareOutputs && output.capacity() <= 2 * kOutputOverdue) {
    outputs_.push_back(std::move(output));
  }
}

}  // namespace keywright::http::h2
