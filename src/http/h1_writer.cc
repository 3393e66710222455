#include "http/h1_writer.h"

#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "base/random.h"

namespace keywright::http::h1 {

namespace {

constexpr std::array<std::array<char, 2>, 256> kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kDigits[i / 16], kDigits[i % 16]};
  return pairs;
}();

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\n");
}

}  // namespace

void append_response_head(std::string& out, const Response& response,
                          const ResponseFraming& framing) {
  append_status_line(out, response.status);
  out.append("Date: ").append(framing.date);
  out.append("\r\nX-Request-Id: ").append(framing.request_id).append("\r\n");
  if (!response.content_type().empty()) {
    out.append("Content-Type: ").append(response.content_type()).append("\r\n");
  }
  if (framing.body == BodyFraming::length) {
    out.append("Content-Length: ");
    append_number(out, framing.length);
    out.append("\r\n");
  } else if (framing.body == BodyFraming::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
  if (response.status == 101) {
    out.append("Connection: Upgrade\r\n");
  } else if (framing.close) {
    out.append("Connection: close\r\n");
  } else if (framing.say_keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append(response.header_block()).append("\r\n");
}

void append_chunk_size(std::string& out, std::size_t size) {
  append_number(out, size, 16);
  out.append("\r\n");
}

Stamp::Stamp() {
  SystemRandom random;
  const auto seed = random_bytes<8>(random);
  for (std::uint8_t byte : seed) random_state_ = random_state_ << 8 | byte;
}

void Stamp::refresh(std::chrono::nanoseconds now) {
  milliseconds_ = clock_.now().time_since_epoch().count();
  taken_at_ = now;
  refresh_at_ = now + std::chrono::milliseconds(1000 - milliseconds_ % 1000);
  const std::time_t seconds = static_cast<std::time_t>(milliseconds_ / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  fmt::format_to_n(date_.data(), date_.size(), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                   kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900,
                   parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string_view Stamp::date(std::chrono::nanoseconds now) {
  if (now >= refresh_at_) refresh(now);
  return {date_.data(), date_.size()};
}

void Stamp::write_id(std::chrono::nanoseconds now, char* out) {
  if (now >= refresh_at_) refresh(now);
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - taken_at_).count();
  const auto time = static_cast<std::uint64_t>(milliseconds_ + since);
  // 48 bits of time, the version, 12 bits of sequence; the variant and 62 random bits.
  const std::uint64_t high = time << 16 | 0x7000 | (sequence_++ & 0xfff);
  const std::uint64_t low = (split_mix(random_state_) & 0x3fffffffffffffffU) | 0x8000000000000000U;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    const std::uint64_t word = i < 8 ? high : low;
    std::memcpy(out, kHexPairs[word >> (56 - 8 * (i % 8)) & 0xff].data(), 2);
    out += 2;
  }
}

}  // namespace keywright::http::h1
