#include "http/h2_test_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <nghttp2/nghttp2.h>

namespace keywright::http {

namespace {

constexpr std::size_t kFrameHead = 9;

std::string literal(std::string_view name, std::string_view value) {
  std::string out(1, '\0');  // without indexing, new name
  out.push_back(static_cast<char>(name.size()));
  out.append(name);
  out.push_back(static_cast<char>(value.size()));
  return out.append(value);
}

std::uint32_t number_at(std::string_view text, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number = number << 8 | static_cast<unsigned char>(text[at + i]);
  }
  return number;
}

}  // namespace

std::string number32(std::uint32_t number) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
  return out;
}

std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
  std::string out = number32(static_cast<std::uint32_t>(payload.size())).substr(1);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  return out.append(number32(stream)).append(payload);
}

std::string get_frame(std::uint32_t stream, std::string_view path) {
  const std::string block = literal(":method", "GET") + literal(":scheme", "http") +
                            literal(":authority", "a") + literal(":path", path);
  return frame(kHeadersFrame, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, stream, block);
}

std::optional<std::uint32_t> goodbye_in(std::string_view received) {
  std::optional<std::uint32_t> code;
  while (received.size() >= kFrameHead) {
    const std::size_t size = number_at(received, 0, 3);
    if (received.size() < kFrameHead + size) break;
    if (received[3] == kGoAwayFrame) code = number_at(received, kFrameHead + 4, 4);
    received.remove_prefix(kFrameHead + size);
  }
  return code;
}

struct H2ClientCallbacks {
  static H2Client& self(void* user) { return *static_cast<H2Client*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    H2Answer& answer = self(user).answers_[frame->hd.stream_id];
    const std::string field(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (field == ":status") {
      std::from_chars(text.data(), text.data() + text.size(), answer.status);
    } else {
      answer.fields[field] = text;
    }
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    self(user).answers_[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    H2Answer& answer = self(user).answers_[id];
    answer.is_over = true;
    if (code != 0) answer.reset = code;
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) self(user).goodbye_ = frame->goaway.error_code;
    return 0;
  }

  static ssize_t read_upload(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t most,
                             std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& upload = *static_cast<H2Client::Upload*>(source->ptr);
    const std::size_t size = std::min(most, upload.bytes.size() - upload.sent);
    std::copy_n(upload.bytes.data() + upload.sent, size, out);
    upload.sent += size;
    const bool is_done = upload.sent == upload.bytes.size();
    if (is_done && upload.stays_open && size == 0) return NGHTTP2_ERR_DEFERRED;
    if (is_done && !upload.stays_open) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
};

H2Client::H2Client(const net::Endpoint& endpoint, H2ClientOptions options) : socket_(endpoint) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, H2ClientCallbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, H2ClientCallbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, H2ClientCallbacks::on_close);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, H2ClientCallbacks::on_frame);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, options.gives_window ? 0 : 1);
  nghttp2_option_set_no_http_messaging(option, 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
  send();
}

H2Client::~H2Client() { nghttp2_session_del(session_); }

std::int32_t H2Client::submit_with(std::string_view method, std::string_view path,
                                   const FieldList& fields, Upload* upload) {
  FieldList all{{":method", std::string(method)},
                {":scheme", "http"},
                {":authority", "a"},
                {":path", std::string(path)}};
  for (const auto& field : fields) {
    auto same = std::find_if(all.begin(), all.end(), [&](const auto& each) {
      return field.first.front() == ':' && each.first == field.first;
    });
    if (same != all.end()) {
      same->second = field.second;
    } else {
      all.push_back(field);
    }
  }
  std::vector<nghttp2_nv> pairs;
  for (auto& [name, value] : all) {
    if (name.front() == ':' && value == "absent") continue;
    pairs.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                     reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                     NGHTTP2_NV_FLAG_NO_COPY_NAME});  // else it would be made lower case
  }
  nghttp2_data_provider provider{};
  provider.source.ptr = upload;
  provider.read_callback = H2ClientCallbacks::read_upload;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(),
                                                 upload != nullptr ? &provider : nullptr, nullptr);
  send();
  return id;
}

std::int32_t H2Client::submit(std::string_view method, std::string_view path,
                              const FieldList& fields, std::optional<std::string> body) {
  if (!body) return submit_with(method, path, fields, nullptr);
  uploads_.push_back(std::make_unique<Upload>(Upload{std::move(*body), 0, false}));
  return submit_with(method, path, fields, uploads_.back().get());
}

std::int32_t H2Client::submit_open(std::string_view method, std::string_view path,
                                   std::string body) {
  uploads_.push_back(std::make_unique<Upload>(Upload{std::move(body), 0, true}));
  return submit_with(method, path, {}, uploads_.back().get());
}

void H2Client::reset(std::int32_t stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  send();
}

void H2Client::give_window(std::int32_t stream, std::uint32_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream,
                               static_cast<std::int32_t>(bytes));
  send();
}

bool H2Client::send() {
  std::string out;
  while (true) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  return out.empty() || socket_.send(out);
}

bool H2Client::until(const std::function<bool()>& condition) {
  while (!condition()) {
    std::string received;
    if (!socket_.receive(received)) {
      is_closed_ = true;
      return condition();
    }
    if (nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(received.data()),
                                 received.size()) < 0) {
      return false;
    }
    send();
  }
  return true;
}

H2Answer H2Client::finish(std::int32_t stream) {
  until([&] { return answer(stream).is_over; });
  return answer(stream);
}

}  // namespace keywright::http
