#include "http/h2_head.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"
#include "http/characters.h"
#include "http/h2_limits.h"

namespace keywright::http::h2 {

namespace {

constexpr std::size_t kFirstCapacity = 2 * 1024;
constexpr std::size_t kKeptCapacity = 16 * 1024;
constexpr std::size_t kLineExtra = 4;  // ": " and CRLF

Fault malformed(std::string_view what) { return Fault{Refusal::malformed, what}; }

// Of answers. The first ones would be wrong in HTTP/2; a cookie must not enter the table.
bool is_forbidden(std::string_view name) {
  return name == "upgrade" || name == "proxy-connection" || name == "transfer-encoding";
}

bool stays_out(std::string_view name) {
  return name == "set-cookie" || name == "etag" || name.find("ratelimit") != std::string_view::npos;
}

}  // namespace

void HeadReader::begin(const h1::HeadLimits& limits) {
  limits_ = limits;
  request_.clear();
  if (capacity_ > kKeptCapacity || capacity_ == 0) {
    capacity_ = kFirstCapacity;
    buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
  }
  used_ = block_bytes_ = cookie_count_ = 0;
  fault_.reset();
  host_ = scheme_ = expect_ = {};
  cookies_.clear();
  content_length_.reset();
  expects_continue_ = false;
}

void HeadReader::make_room(std::size_t more) {
  const std::size_t larger = std::max(capacity_ * 2, used_ + more);
  auto fresh = std::make_unique_for_overwrite<char[]>(larger);
  std::memcpy(fresh.get(), buffer_.get(), used_);
  const std::string_view old(buffer_.get(), used_);
  request_.rebase(old, fresh.get());
  for (std::string_view* view : {&host_, &scheme_, &expect_}) {
    rebase_view(*view, old, fresh.get());
  }
  buffer_ = std::move(fresh);
  capacity_ = larger;
}

std::string_view HeadReader::keep(std::string_view text) {
  if (capacity_ - used_ < text.size()) make_room(text.size());
  char* const at = buffer_.get() + used_;
  std::copy(text.begin(), text.end(), at);
  used_ += text.size();
  return {at, text.size()};
}

HeadReader::Added HeadReader::over(Refusal refusal, std::string_view what) {
  if (!fault_) fault_ = Fault{refusal, what};
  return block_bytes_ > kHeadPatience * limits_.block_bytes ? Added::far_over_limit
                                                            : Added::over_limit;
}

HeadReader::Added HeadReader::add(std::string_view name, std::string_view value) {
  block_bytes_ += name.size() + value.size() + kLineExtra;
  if (name == ":path" && value.size() > limits_.first_line_bytes) {
    return over(Refusal::target_too_long, "request_line");
  }
  if (block_bytes_ > limits_.block_bytes + limits_.first_line_bytes) {
    return over(Refusal::head_too_large, "header_block");
  }
  if (name.front() == ':') {
    block_bytes_ -= name.size() + value.size() + kLineExtra;  // not part of the block
    if (!add_pseudo(name, value)) fault_ = malformed("pseudo_field");
    return Added::yes;
  }
  if (block_bytes_ > limits_.block_bytes) return over(Refusal::head_too_large, "header_block");
  if (name == "cookie") {
    add_cookie(value);
    return Added::yes;
  }
  // Both at once: a second keep() may move the first.
  const std::size_t name_size = name.size();
  if (capacity_ - used_ < name_size + value.size()) make_room(name_size + value.size());
  Field field;
  field.name = keep(name);
  field.value = keep(value);
  if (!request_.headers.add(field)) return over(Refusal::head_too_large, "field_count");
  note(field.name, field.value);
  return Added::yes;
}

bool HeadReader::add_pseudo(std::string_view name, std::string_view value) {
  if (name == ":method") {
    request_.method_text = keep(value);
  } else if (name == ":path") {
    request_.target = keep(value);
  } else if (name == ":authority") {
    request_.authority = keep(value);
  } else if (name == ":scheme") {
    scheme_ = keep(value);
  } else {
    return false;
  }
  return true;
}

void HeadReader::add_cookie(std::string_view value) {
  if (cookie_count_++ > 0) cookies_.append("; ");
  cookies_.append(value);
}

void HeadReader::note(std::string_view name, std::string_view value) {
  const std::size_t size = name.size();
  if (size != 4 && size != 6 && size != 12 && size != 14) return;
  if (name == "host") {
    if (!host_.empty()) fault_ = malformed("host");
    host_ = value;
  } else if (name == "expect") {
    expect_ = value;
  } else if (name == "x-request-id") {
    if (request_.client_request_id.empty()) request_.client_request_id = value;
  } else if (name == "content-length") {
    std::uint64_t length = 0;
    const char* const end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, length);
    if (value.size() > 18 || read.ec != std::errc() || read.ptr != end) {
      fault_ = malformed("content_length");
    }
    content_length_ = length;
  }
}

std::optional<Fault> HeadReader::finish() {
  request_.minor_version = 2;
  request_.method = parse_method(request_.method_text);
  if (fault_) return fault_;
  if (request_.method_text.empty() || !all_are(request_.method_text, Char::token)) {
    return malformed("method");
  }
  if (request_.method_text == "CONNECT" || request_.method_text == "TRACE") {
    return Fault{Refusal::method_refused, "method"};
  }
  if (!equals_ignoring_case(scheme_, "http") && !equals_ignoring_case(scheme_, "https")) {
    return malformed("scheme");
  }
  if (auto fault = h1::parse_origin_target(request_)) return fault;
  if (request_.authority.empty()) request_.authority = host_;
  if (!h1::is_valid_authority(request_.authority)) return malformed("host");
  if (host_.empty()) {
    if (!request_.headers.add(Field{"host", request_.authority})) {
      return Fault{Refusal::head_too_large, "field_count"};
    }
  } else if (!equals_ignoring_case(host_, request_.authority)) {
    return malformed("host");
  }
  if (cookie_count_ > 0 && !request_.headers.add(Field{"cookie", cookies_})) {
    return Fault{Refusal::head_too_large, "field_count"};
  }
  if (!expect_.empty()) {
    if (!equals_ignoring_case(expect_, "100-continue")) {
      return Fault{Refusal::expectation_failed, "expect"};
    }
    expects_continue_ = true;
  }
  return std::nullopt;
}

const std::vector<OutField>& HeadWriter::write(const Response& response,
                                               const ResponseFields& fields) {
  fields_.clear();
  names_.clear();
  numbers_.clear();
  numbers_.reserve(32);
  char digits[20];
  auto number = [&](std::uint64_t value) {
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    const std::size_t begin = numbers_.size();
    numbers_.append(digits, static_cast<std::size_t>(end - digits));
    return std::string_view(numbers_).substr(begin);
  };
  fields_.push_back({":status", number(static_cast<std::uint64_t>(response.status))});
  fields_.push_back({"date", fields.date});
  fields_.push_back({"x-request-id", fields.request_id, true});
  if (!response.content_type().empty()) {
    fields_.push_back({"content-type", response.content_type()});
  }
  if (fields.length) fields_.push_back({"content-length", number(*fields.length)});
  add_block(response.header_block());
  return fields_;
}

// The block is our own: Response::header() has checked every name and value.
void HeadWriter::add_block(std::string_view block) {
  names_.resize(block.size());
  std::size_t used = 0;
  while (!block.empty()) {
    const std::size_t colon = block.find(':');
    const std::size_t end = block.find("\r\n", colon);
    if (end == std::string_view::npos) return;
    char* const lower = names_.data() + used;
    for (std::size_t i = 0; i < colon; ++i) lower[i] = ascii_lower(block[i]);
    used += colon;
    const std::string_view name(lower, colon);
    const std::string_view value = trim(block.substr(colon + 1, end - colon - 1));
    if (!is_forbidden(name)) fields_.push_back({name, value, stays_out(name)});
    block.remove_prefix(end + 2);
  }
}

}  // namespace keywright::http::h2
