// HTTP/1.1 requests: the reader takes anything, and what it makes of it does not depend on how the
// input is cut. The first two bytes choose the cuts, the rest is the connection's input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "http/cookie.h"
#include "http/h1_reader.h"
#include "http/query.h"

using namespace keywright;

namespace {

using Progress = http::h1::RequestReader::Progress;

// One connection's worth of input, and everything the reader said about it.
class Reading {
 public:
  void feed(std::string_view bytes) {
    while (!bytes.empty() && !refused_) {
      const auto space = reader_.space();
      const std::size_t size = bytes.size() < space.size() ? bytes.size() : space.size();
      std::memcpy(space.data(), bytes.data(), size);
      reader_.added(size);
      bytes.remove_prefix(size);
      while (advance()) {
      }
    }
  }
  const std::string& said() const { return said_; }

 private:
  bool advance() {
    if (!in_body_) {
      const Progress head = reader_.read_head();
      if (head == Progress::need_more) return false;
      if (head == Progress::refused) return refuse();
      if (reader_.begin_body(5000) == Progress::refused) return refuse();
      in_body_ = true;
    }
    const Progress body = reader_.read_body();
    if (body == Progress::need_more) return false;
    if (body == Progress::refused) return refuse();
    const http::Request& request = reader_.request();
    say(request.method_text);
    say(request.path);
    say(request.query);
    say(request.authority);
    for (const http::Field& field : request.headers) {
      say(field.name);
      say(field.value);
    }
    say(request.body);
    static_cast<void>(http::Query::parse(request.query));
    static_cast<void>(http::find_cookie(request.headers, "session"));
    reader_.finish();
    in_body_ = false;
    return true;
  }
  bool refuse() {
    refused_ = true;
    say(http::to_string(reader_.fault().refusal));
    say(reader_.fault().what);
    return false;
  }
  void say(std::string_view text) {
    said_.append(std::to_string(text.size())).append(":").append(text);
  }

  http::h1::RequestReader reader_{http::h1::HeadLimits()};
  std::string said_;
  bool in_body_ = false;
  bool refused_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::uint32_t state = static_cast<std::uint32_t>(data[0]) << 8 | data[1];
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  Reading whole;
  whole.feed(input);
  Reading cut;
  std::string_view rest = input;
  while (!rest.empty()) {
    state = state * 1664525 + 1013904223;
    const std::size_t length = 1 + (state >> 16) % (data[0] % 64 + 1);
    cut.feed(rest.substr(0, length));
    rest.remove_prefix(length < rest.size() ? length : rest.size());
  }
  if (whole.said() != cut.said()) std::abort();
  return 0;
}
