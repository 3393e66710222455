// http/message.h - a request as it arrived, and the response that is being filled.
//
//   if (auto token = request.headers.find("authorization")) ...
//   response.status = 200;
//   response.content_type("application/json");
//   response.header("ETag", etag);
//   response.body = text;
//
// A Request holds views into the connection's buffer: nothing is copied, and nothing may be kept
// after the exchange. `path` and `query` are as sent, not decoded (http/router.h, http/query.h).
// A Response belongs to the connection and is used again and again, so its strings keep their
// capacity. The server adds Content-Length or Transfer-Encoding, Date, X-Request-Id and Connection;
// header() refuses these names, and any name or value that could break out of its line.
//
// Threading: the exchange's loop only. Cost: find() compares names of equal length, in order.
// Source: RFC 9110.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/task.h"

namespace keywright::http {

enum class Method : unsigned char { get, head, post, put, patch, delete_, options, other };

Method parse_method(std::string_view text);  // `other` for every method not listed above
std::string_view to_string(Method method);   // "GET"; "" for other

struct Field {
  std::string_view name;
  std::string_view value;
};

// As many as fill a head of 32 KiB with fields of 32 bytes.
inline constexpr std::size_t kMaxFields = 1000;

// Header fields in the order they came. Names compare without case. The first hundred need no heap.
class Fields {
 public:
  std::optional<std::string_view> find(std::string_view name) const;  // the first one
  std::size_t count(std::string_view name) const;
  // The one and only; nothing if there are none or several. For credentials and identities.
  std::optional<std::string_view> find_only(std::string_view name) const;

  const Field* begin() const { return many_.empty() ? few_.data() : many_.data(); }
  const Field* end() const { return begin() + size_; }
  std::size_t size() const { return size_; }

  bool add(Field field);  // false: there are kMaxFields already
  void clear();
  // After the buffer beneath has moved from `old_buffer` to `fresh`.
  void rebase(std::string_view old_buffer, const char* fresh);

 private:
  std::array<Field, 100> few_;
  std::vector<Field> many_;  // all of them, once they are more
  std::size_t size_ = 0;
};

struct Request {
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Method method = Method::get;
  unsigned char minor_version = 1;  // HTTP/1.x; 2 stands for HTTP/2
  bool secure = false;              // came over TLS
  std::string_view method_text;
  std::string_view target;     // as sent
  std::string_view path;       // begins with '/', or is "*" (OPTIONS)
  std::string_view query;      // without the '?'
  std::string_view authority;  // host[:port], from the target if it names one, else from Host
  Fields headers;
  std::string_view body;  // decoded; empty while it is streamed
  IpAddress peer;
  std::string_view request_id;         // ours, also in the answer
  std::string_view client_request_id;  // X-Request-Id as sent, empty if absent

  void clear();
  // After the buffer beneath has moved; views of other storage stay as they are.
  void rebase(std::string_view old_buffer, const char* fresh);
};

// Moves a view that lies in `old_buffer` to the same place in `fresh`.
void rebase_view(std::string_view& view, std::string_view old_buffer, const char* fresh);

// A body that is produced piece by piece: SSE, a proxied answer.
//
// next() yields a piece (valid until the following call), an empty view at the end, or an error,
// which cuts the connection so that the client cannot take half an answer for a whole one.
// cancel() is called when the client has gone or the exchange was cut: a pending next() must then
// return soon. The object is destroyed as soon as the exchange is over.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  virtual Task<Result<std::string_view>> next() = 0;
  virtual void cancel() {}
};

class Response {
 public:
  int status = 200;
  // The whole body; or, when `stream` is set, its first piece, sent together with the head.
  std::string body;
  std::unique_ptr<BodyStream> stream;
  // Of `body` and `stream` together, if known; otherwise the body is sent in chunks.
  std::optional<std::uint64_t> stream_length;
  bool close_connection = false;

  void content_type(std::string_view value);
  std::string_view content_type() const { return content_type_; }
  // Adds a field. False, and nothing added: not a valid name or value, or the server's own.
  bool header(std::string_view name, std::string_view value);
  // The fields added so far, in wire form.
  std::string_view header_block() const { return fields_; }

  // Back to an empty 200; keeps the capacity of the strings up to a limit.
  void clear();

 private:
  std::string content_type_;
  std::string fields_;
};

std::string_view reason_phrase(int status);

}  // namespace keywright::http
