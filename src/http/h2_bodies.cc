// The part of Session that takes the bodies of requests: how much of them is held, and when the
// client may send more.
#include <algorithm>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "http/h2_session.h"

namespace keywright::http::h2 {

void Session::body_arrived(Stream& stream, std::string_view piece) {
  stream.body_bytes += piece.size();
  if (stream.fault || stream.local_ended || (stream.responded && !stream.streams)) {
    return discard(stream, piece.size());
  }
  if (stream.body_bytes > stream.body_limit) {
    stream.fault = Fault{Refusal::body_too_large, "data"};
    stream.body.clear();
    return note(stream);
  }
  stream.body.append(piece);
  stream.unreturned += piece.size();
  if (stream.reader) note(stream);
  if (stream.buffers && stream.gathering > 0) return_window(stream);
  if (stream.buffers && stream.unreturned > kStreamWindow / 2) want_to_gather(stream);
}

// Nobody will read it, but a client that is still sending may not look for its answer before it is
// done: it is let go on for a while.
void Session::discard(Stream& stream, std::size_t bytes) {
  stream.unreturned += bytes;
  stream.discarded += bytes;
  if (stream.discarded <= kDiscardedBytes) return return_window(stream);
  stream.late = true;
  note(stream);
}

// More of the body than fits into its window, if the session has room for all of it.
void Session::want_to_gather(Stream& stream) {
  const std::uint64_t all = stream.head.content_length().value_or(stream.body_limit);
  if (all <= kStreamWindow) return;
  stream.waits_to_gather =
      gathered_ > 0 && all > kGatheredBytes - std::min(gathered_, kGatheredBytes);
  if (stream.waits_to_gather) return;
  stream.gathering = all;
  gathered_ += all;
  stream.since = worker_.loop().now();
  stream.progress_mark = stream.body_bytes;
  return_window(stream);
}

void Session::gather_next() {
  for (Stream* each = first_; each != nullptr; each = each->next) {
    if (!each->waits_to_gather || each->is_gone()) continue;
    want_to_gather(*each);
    if (each->waits_to_gather) return;
  }
}

void Session::return_window(Stream& stream) {
  const std::uint64_t bytes = std::exchange(stream.unreturned, 0);
  if (bytes == 0 || stream.remote_ended || stream.closed || lost_) return;
  nghttp2_session_consume_stream(engine_, stream.id, static_cast<std::size_t>(bytes));
  if (in_engine_) return;
  drain();
  changed();
}

}  // namespace keywright::http::h2
