#include "http/h2_callbacks.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "http/h2_pool.h"
#include "http/h2_session.h"

namespace keywright::http::h2 {

namespace {

constexpr std::size_t kFrameHeadSize = 9;
constexpr std::size_t kMaxOutFields = 200;
constexpr std::size_t kLeastHonestData = 64;  // a smaller piece pays only a part of its frame
constexpr double kHonestRequest = 5;          // frames that a request may bring along

bool ends_stream(const nghttp2_frame_hd& head) {
  return (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

bool is_request_head(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

std::uint8_t* bytes_of(std::string_view text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

}  // namespace

// A friend of Session: the C functions that nghttp2 calls, `user` being the session.
struct Callbacks {
  static Session& self(void* user) { return *static_cast<Session*>(user); }

  static Stream* stream_of(nghttp2_session* engine, std::int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(engine, id));
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    if (head->type != NGHTTP2_CONTINUATION) self(user).head_since_ = {};
    const bool has_own_limit =
        head->type == NGHTTP2_CONTINUATION || head->type == NGHTTP2_RST_STREAM;
    if (!has_own_limit) self(user).spend_frame();
    return 0;
  }

  static int on_begin_headers(nghttp2_session* engine, const nghttp2_frame* frame, void* user) {
    Session& session = self(user);
    session.head_since_ = session.worker_.loop().now();
    session.trailer_bytes_ = 0;
    session.reading_head_ = nullptr;
    if (!is_request_head(*frame)) return 0;
    if (session.at_work_ >= kMaxStreamsAtWork) {
      return nghttp2_submit_rst_stream(engine, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                       NGHTTP2_REFUSED_STREAM);
    }
    Stream& stream = session.open_stream(frame->hd.stream_id);
    session.reading_head_ = &stream;
    return nghttp2_session_set_stream_user_data(engine, stream.id, &stream);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    Session& session = self(user);
    if (!is_request_head(*frame)) {  // trailers: checked by nghttp2, then dropped
      session.trailer_bytes_ += name_size + value_size;
      if (session.trailer_bytes_ <= session.worker_.limits().head_bytes) return 0;
      session.spend_reset();
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (session.reading_head_ == nullptr) return 0;
    HeadReader& head = session.reading_head_->head;
    switch (head.add(text_of(name, name_size), text_of(value, value_size))) {
      case HeadReader::Added::yes:
      case HeadReader::Added::over_limit: return 0;
      case HeadReader::Added::far_over_limit: break;
    }
    session.worker_.count_refusal(Refusal::head_too_large);
    session.spend_reset();
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  // nghttp2 would only leave such a field out.
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                               std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session* engine, const nghttp2_frame* frame, void* user) {
    Session& session = self(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        session.head_since_ = {};
        session.reading_head_ = nullptr;
        session.frames_.earn(kHonestRequest);
        Stream* stream = stream_of(engine, frame->hd.stream_id);
        if (stream == nullptr) return 0;
        stream->head_done = true;
        if (ends_stream(frame->hd)) stream->remote_ended = true;
        session.note(*stream);
        return 0;
      }
      case NGHTTP2_DATA: {
        Stream* stream = stream_of(engine, frame->hd.stream_id);
        if (stream == nullptr || !ends_stream(frame->hd)) return 0;
        stream->remote_ended = true;
        session.note(*stream);
        return 0;
      }
      case NGHTTP2_RST_STREAM: session.spend_reset(); return 0;
      case NGHTTP2_SETTINGS: session.settings_seen_ = true; return 0;
      default: return 0;
    }
  }

  static int on_data(nghttp2_session* engine, std::uint8_t, std::int32_t id,
                     const std::uint8_t* data, std::size_t size, void* user) {
    Session& session = self(user);
    const double part = static_cast<double>(size) / static_cast<double>(kLeastHonestData);
    session.frames_.earn(std::min(1.0, part));
    if (Stream* stream = stream_of(engine, id)) session.body_arrived(*stream, text_of(data, size));
    return nghttp2_session_consume_connection(engine, size);
  }

  static int on_stream_close(nghttp2_session* engine, std::int32_t id, std::uint32_t, void* user) {
    Session& session = self(user);
    Stream* stream = stream_of(engine, id);
    if (stream == nullptr) return 0;
    if (session.reading_head_ == stream) session.reading_head_ = nullptr;
    stream->closed = true;
    session.note(*stream);
    return 0;
  }

  static ssize_t read_data(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t ready = stream.to_send.size();
    if (ready == 0 && !stream.last_piece) {
      stream.idle_source = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    Session& session = self(user);
    if (session.output_.size() >= kOutputFull) {
      stream.blocked_source = session.has_blocked_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (ready <= most && stream.last_piece) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(std::min(ready, most));
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source* source, void* user) {
    Session& session = self(user);
    Stream& stream = *static_cast<Stream*>(source->ptr);
    session.output_.append(text_of(head, kFrameHeadSize)).append(stream.to_send.substr(0, size));
    stream.to_send.remove_prefix(size);
    stream.sent += size;
    session.frames_.earn(2);  // the WINDOW_UPDATEs that this will bring
    if (stream.pump && stream.to_send.empty()) session.note(stream);
    return 0;
  }

  static int on_frame_sent(nghttp2_session* engine, const nghttp2_frame* frame, void* user) {
    Session& session = self(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        if (!ends_stream(frame->hd)) return 0;
        if (Stream* stream = stream_of(engine, frame->hd.stream_id)) {
          stream->local_ended = true;
          stream->since = session.worker_.loop().now();
        }
        return 0;
      case NGHTTP2_RST_STREAM: session.has_reset(frame->rst_stream.error_code); return 0;
      case NGHTTP2_GOAWAY: session.has_said_goodbye(frame->goaway.error_code); return 0;
      default: return 0;
    }
  }

  static nghttp2_mem memory(Memory& from) {
    nghttp2_mem functions{};
    functions.mem_user_data = &from;
    functions.malloc = [](std::size_t size, void* user) {
      return static_cast<Memory*>(user)->take(size);
    };
    functions.free = [](void* block, void* user) { static_cast<Memory*>(user)->give_back(block); };
    functions.calloc = [](std::size_t count, std::size_t size, void* user) {
      void* const block = static_cast<Memory*>(user)->take(count * size);
      return block != nullptr ? std::memset(block, 0, count * size) : nullptr;
    };
    functions.realloc = [](void* block, std::size_t size, void* user) {
      return static_cast<Memory*>(user)->resize(block, size);
    };
    return functions;
  }

  static nghttp2_session_callbacks* table() {
    static nghttp2_session_callbacks* const shared = [] {
      nghttp2_session_callbacks* made = nullptr;
      if (nghttp2_session_callbacks_new(&made) != 0) std::abort();
      nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(made, on_header);
      nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
      nghttp2_session_callbacks_set_send_data_callback(made, send_data);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
      return made;
    }();
    return shared;
  }

  static nghttp2_option* options() {
    static nghttp2_option* const shared = [] {
      nghttp2_option* made = nullptr;
      if (nghttp2_option_new(&made) != 0) std::abort();
      nghttp2_option_set_no_auto_window_update(made, 1);
      nghttp2_option_set_max_continuations(made, kMaxContinuations);
      // Resets are counted in one place: Session::spend_reset().
      nghttp2_option_set_stream_reset_rate_limit(made, 1'000'000, 1'000'000);
      return made;
    }();
    return shared;
  }
};

nghttp2_session* open_engine(Session& session) {
  nghttp2_session* engine = nullptr;
  nghttp2_mem memory = Callbacks::memory(session.worker().http2().memory());
  if (nghttp2_session_server_new3(&engine, Callbacks::table(), &session, Callbacks::options(),
                                  &memory) != 0) {
    return nullptr;
  }
  const ServerLimits& limits = session.worker().limits();
  // Advice to the client: what we count (names, values) and what RFC 9113 adds for each field.
  const std::size_t list_bytes = limits.head_bytes + limits.request_line_bytes + kMaxFields * 32;
  const std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(list_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  if (nghttp2_submit_settings(engine, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
      nghttp2_session_set_local_window_size(engine, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) != 0) {
    nghttp2_session_del(engine);
    return nullptr;
  }
  return engine;
}

bool submit_response(nghttp2_session* engine, Stream& stream, const std::vector<OutField>& fields,
                     bool has_data) {
  // Not copied: the frame is made before anything of it changes.
  constexpr std::uint8_t kInPlace = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  std::array<nghttp2_nv, kMaxOutFields> pairs;
  std::size_t count = 0;
  for (const OutField& field : fields) {
    if (count == pairs.size()) break;
    const std::uint8_t table = field.stays_out_of_table ? NGHTTP2_NV_FLAG_NO_INDEX : 0;
    pairs[count++] = {bytes_of(field.name), bytes_of(field.value), field.name.size(),
                      field.value.size(), static_cast<std::uint8_t>(kInPlace | table)};
  }
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = Callbacks::read_data;
  if (stream.response.stream) {
    // In turns with others, whatever the client says about priorities.
    const nghttp2_extpri in_turns{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    nghttp2_session_change_extpri_stream_priority(engine, stream.id, &in_turns, 1);
  }
  return nghttp2_submit_response(engine, stream.id, pairs.data(), count,
                                 has_data ? &provider : nullptr) == 0;
}

}  // namespace keywright::http::h2
