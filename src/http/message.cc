#include "http/message.h"

#include <algorithm>
#include <span>

#include "base/text.h"
#include "http/characters.h"

namespace keywright::http {

namespace {

constexpr std::size_t kKeptCapacity = 64 * 1024;

constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

// Set by the server for every response, or a way to break its framing.
constexpr std::array<std::string_view, 7> kServersOwn = {
    "content-length", "content-type", "transfer-encoding", "connection",
    "date",           "x-request-id", "keep-alive"};

bool is_servers_own(std::string_view name) {
  constexpr std::uint32_t kLengths = [] {
    std::uint32_t lengths = 0;
    for (std::string_view own : kServersOwn) lengths |= 1U << own.size();
    return lengths;
  }();
  if (name.size() > 31 || (kLengths >> name.size() & 1) == 0) return false;
  return std::any_of(kServersOwn.begin(), kServersOwn.end(),
                     [name](std::string_view own) { return equals_ignoring_case(name, own); });
}

void clear_keeping_some(std::string& text) {
  text.clear();
  if (text.capacity() > kKeptCapacity) text.shrink_to_fit();
}

}  // namespace

Method parse_method(std::string_view text) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (text == kMethods[i]) return static_cast<Method>(i);
  }
  return Method::other;
}

std::string_view to_string(Method method) {
  const auto index = static_cast<std::size_t>(method);
  return index < kMethods.size() ? kMethods[index] : std::string_view();
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& field : *this) {
    if (field.name.size() == name.size() && equals_ignoring_case(field.name, name)) {
      return field.value;
    }
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(begin(), end(), [&](const Field& field) {
    return field.name.size() == name.size() && equals_ignoring_case(field.name, name);
  }));
}

std::optional<std::string_view> Fields::find_only(std::string_view name) const {
  return count(name) == 1 ? find(name) : std::nullopt;
}

bool Fields::add(Field field) {
  if (size_ < few_.size()) {
    few_[size_++] = field;
    return true;
  }
  if (size_ == kMaxFields) return false;
  if (many_.empty()) many_.assign(few_.begin(), few_.end());
  many_.push_back(field);
  ++size_;
  return true;
}

void Fields::clear() {
  size_ = 0;
  if (!many_.empty()) many_ = {};
}

void Fields::rebase(std::string_view old_buffer, const char* fresh) {
  const std::span<Field> all = many_.empty() ? std::span(few_).first(size_) : std::span(many_);
  for (Field& field : all) {
    rebase_view(field.name, old_buffer, fresh);
    rebase_view(field.value, old_buffer, fresh);
  }
}

void rebase_view(std::string_view& view, std::string_view old_buffer, const char* fresh) {
  const auto begin = reinterpret_cast<std::uintptr_t>(old_buffer.data());
  const auto at = reinterpret_cast<std::uintptr_t>(view.data());
  if (at < begin || at >= begin + old_buffer.size()) return;
  view = std::string_view(fresh + (at - begin), view.size());
}

void Request::clear() {
  method = Method::get;
  minor_version = 1;
  method_text = target = path = query = authority = body = client_request_id = {};
  headers.clear();
}

void Request::rebase(std::string_view old_buffer, const char* fresh) {
  for (std::string_view* view :
       {&method_text, &target, &path, &query, &authority, &body, &client_request_id}) {
    rebase_view(*view, old_buffer, fresh);
  }
  headers.rebase(old_buffer, fresh);
}

void Response::content_type(std::string_view value) {
  content_type_.clear();
  if (all_are(value, Char::field_value)) content_type_ = value;
}

bool Response::header(std::string_view name, std::string_view value) {
  if (name.empty() || !all_are(name, Char::token) || !all_are(value, Char::field_value))
    return false;
  if (is_servers_own(name)) return false;
  fields_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

void Response::clear() {
  status = 200;
  clear_keeping_some(body);
  stream.reset();
  stream_length.reset();
  close_connection = false;
  content_type_.clear();
  clear_keeping_some(fields_);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 425: return "Too Early";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace keywright::http
