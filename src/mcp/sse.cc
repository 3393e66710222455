#include "mcp/sse.h"

namespace keywright::mcp {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void append_event(std::string& out, std::string_view data, std::string_view id) {
  out += "event: message\n";
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  while (true) {
    const std::size_t end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    const bool pair = data.substr(end).starts_with("\r\n");
    data.remove_prefix(end + (pair ? 2 : 1));
  }
  out += '\n';
}

void SseReader::feed(std::string_view piece) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    line_ -= begin_;
    scan_ -= begin_;
    begin_ = 0;
  }
  buffer_ += piece;
}

std::optional<SseEvent> SseReader::next() {
  if (overflowed_) return std::nullopt;
  while (true) {
    if (skip_lf_ && scan_ < buffer_.size()) {
      if (buffer_[scan_] == '\n') {
        ++scan_;
        line_ = scan_;
      }
      skip_lf_ = false;
    }
    const std::size_t end = buffer_.find_first_of("\r\n", scan_);
    if (end == std::string::npos) {
      scan_ = buffer_.size();
      if (buffer_.size() - begin_ > limit_) overflowed_ = true;
      return std::nullopt;
    }
    std::size_t after = end + 1;
    if (buffer_[end] == '\r') {
      if (after == buffer_.size()) {
        skip_lf_ = true;
      } else if (buffer_[after] == '\n') {
        ++after;
      }
    }
    const std::string_view line = std::string_view(buffer_).substr(line_, end - line_);
    const bool ends_event = line.empty();
    if (!ends_event) take_line(line);
    at_start_ = false;
    line_ = scan_ = after;
    if (after - begin_ > limit_) {
      overflowed_ = true;
      return std::nullopt;
    }
    if (ends_event) return finish(after);
  }
}

void SseReader::take_line(std::string_view line) {
  if (fresh_) forget();
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
    has_id_ = true;
  }
}

SseEvent SseReader::finish(std::size_t end) {
  SseEvent event;
  event.raw = std::string_view(buffer_).substr(begin_, end - begin_);
  if (!fresh_) {
    event.data = data_;
    event.type = type_;
    event.has_data = has_data_;
    if (has_id_) event.id = id_;
  }
  begin_ = end;
  fresh_ = true;
  return event;
}

void SseReader::forget() {
  fresh_ = false;
  data_.clear();
  type_.clear();
  id_.clear();
  has_data_ = false;
  has_id_ = false;
}

}  // namespace keywright::mcp
