// mcp/sse.h - server-sent events: writing them, and reading a stream as it arrives.
//
//   append_event(out, R"({"jsonrpc":"2.0",...})");             // "event: message\ndata: ...\n\n"
//
//   SseReader reader;
//   reader.feed(piece);
//   while (auto event = reader.next()) {
//     if (event->has_data) use(event->data);
//     relay(event->raw);                                        // the very bytes that came
//   }
//   if (reader.overflowed()) give_up();
//   relay(reader.rest());                                       // at the end: an unfinished event
//
// The raw parts of all events, and rest() at the end, are together exactly what was fed: a relay
// that changes one event changes no other byte. Comments come as events without data. Lines may end
// in LF, CR LF or CR, however the stream is cut into pieces.
//
// Errors: an event larger than the limit: overflowed(), and next() yields nothing any more.
// Threading: one thread. Lifetime: the views of an event live until the next call of next() or
// feed(). Cost: linear in the bytes; keeps one unfinished event.
// Source: WHATWG HTML, server-sent events.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace keywright::mcp {

// One event named "message". `data` holds no line breaks that matter: JSON. `id` "" = none.
void append_event(std::string& out, std::string_view data, std::string_view id = {});

// Keeps a connection awake; readers ignore it.
inline constexpr std::string_view kKeepAlive = ": keep-alive\n\n";

struct SseEvent {
  std::string_view raw;   // with the empty line that ends it
  std::string_view data;  // of several data lines, joined by LF
  std::string_view type;  // of the event field; "" = message
  std::optional<std::string_view> id;
  bool has_data = false;
};

class SseReader {
 public:
  static constexpr std::size_t kEventLimit = 16 * 1024 * 1024;

  explicit SseReader(std::size_t event_limit = kEventLimit) : limit_(event_limit) {}

  void feed(std::string_view piece);
  std::optional<SseEvent> next();
  bool overflowed() const { return overflowed_; }
  // What has been fed and belongs to no event yet.
  std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }

 private:
  void take_line(std::string_view line);
  SseEvent finish(std::size_t end);
  void forget();

  std::size_t limit_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the event being read
  std::size_t line_ = 0;   // of the line being read
  std::size_t scan_ = 0;   // no line end before this
  bool skip_lf_ = false;   // the last line ended in a CR at the end of what was fed
  bool at_start_ = true;   // a byte order mark may stand here
  bool fresh_ = true;      // no line of this event has been read
  bool overflowed_ = false;
  std::string data_;
  std::string type_;
  std::string id_;
  bool has_data_ = false;
  bool has_id_ = false;
};

}  // namespace keywright::mcp
