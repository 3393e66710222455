// http/h2_test_client.h - for the tests of this room: a blocking HTTP/2 client, nghttp2's other
// side, and frames made by hand for what that one would never send.
//
//   H2Client client(server.endpoint());
//   EXPECT_EQ(client.get("/hello").status, 200);
//   const auto id = client.submit("GET", "/later");
//   client.until([&] { return client.answer(id).is_over; });
//
//   RawClient raw(server.endpoint());
//   raw.send(std::string(kPreface) + frame(kSettingsFrame, 0, 0, ""));
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/address.h"
#include "net/test_socket.h"

struct nghttp2_session;

namespace keywright::http {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr int kDataFrame = 0, kHeadersFrame = 1, kPriorityFrame = 2, kResetFrame = 3,
                     kSettingsFrame = 4, kPingFrame = 6, kGoAwayFrame = 7, kWindowFrame = 8,
                     kContinuationFrame = 9;
inline constexpr std::uint32_t kNoError = 0, kProtocolError = 1, kInternalError = 2,
                               kSettingsTimeout = 4, kCancel = 8, kEnhanceYourCalm = 11;

std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload);
std::string number32(std::uint32_t number);
// GET of the path with literal fields, no compression table; ends the stream and the header block.
std::string get_frame(std::uint32_t stream, std::string_view path);
// The error code of the last GOAWAY in what a server sent; nothing if there is none.
std::optional<std::uint32_t> goodbye_in(std::string_view received);

struct H2Answer {
  int status = 0;
  std::map<std::string, std::string> fields;
  std::string body;
  bool is_over = false;
  std::optional<std::uint32_t> reset;  // the error code, if not 0
  bool is_complete() const { return is_over && !reset; }
};

struct H2ClientOptions {
  std::uint32_t stream_window = 65535;
  bool gives_window = true;
};

class H2Client {
 public:
  using FieldList = std::vector<std::pair<std::string, std::string>>;

  explicit H2Client(const net::Endpoint& endpoint, H2ClientOptions options = {});
  ~H2Client();
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  // Queues a request and sends what may be sent. A pseudo-header field in `fields` replaces ours.
  std::int32_t submit(std::string_view method, std::string_view path, const FieldList& fields = {},
                      std::optional<std::string> body = std::nullopt);
  // Leaves the request open: its body never ends.
  std::int32_t submit_open(std::string_view method, std::string_view path, std::string body);
  void reset(std::int32_t stream);
  void give_window(std::int32_t stream, std::uint32_t bytes);
  bool send();

  H2Answer& answer(std::int32_t stream) { return answers_[stream]; }
  // Receives until the condition holds; false if the connection ends or is silent before.
  bool until(const std::function<bool()>& condition);
  H2Answer finish(std::int32_t stream);
  H2Answer get(std::string_view path) { return finish(submit("GET", path)); }

  std::optional<std::uint32_t> goodbye() const { return goodbye_; }
  bool is_closed() const { return is_closed_; }
  void half_close() { socket_.half_close(); }

 private:
  struct Upload {
    std::string bytes;
    std::size_t sent = 0;
    bool stays_open = false;
  };
  friend struct H2ClientCallbacks;
  std::int32_t submit_with(std::string_view method, std::string_view path, const FieldList& fields,
                           Upload* upload);

  net::TestSocket socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, H2Answer> answers_;
  std::vector<std::unique_ptr<Upload>> uploads_;
  std::optional<std::uint32_t> goodbye_;
  bool is_closed_ = false;
};

}  // namespace keywright::http
