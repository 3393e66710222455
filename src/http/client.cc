#include "http/client.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "http/characters.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "net/tls.h"

namespace keywright::http {

namespace {

using net::IoStatus;

constexpr std::size_t kReadSize = 16 * 1024;

tl::unexpected<Error> invalid_url(std::string_view url) {
  return fail(Code::invalid_argument, "invalid_url",
              std::string(url) + " is not an http:// or https:// URL.");
}

tl::unexpected<Error> lost(std::string_view reason, std::string_view detail) {
  return fail(Code::unavailable, reason, detail);
}

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

bool is_clients_own(std::string_view name) {
  constexpr std::array<std::string_view, 4> kOwn = {"host", "content-length", "transfer-encoding",
                                                    "connection"};
  return std::any_of(kOwn.begin(), kOwn.end(),
                     [&](std::string_view own) { return equals_ignoring_case(name, own); });
}

Result<std::string> write_head(const ClientRequest& request, const Url& url) {
  if (request.method.empty() || !all_are(request.method, Char::token)) {
    return fail(Code::invalid_argument, "invalid_header", "The method is not a token.");
  }
  std::string head = request.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority();
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !all_are(name, Char::token) || !all_are(value, Char::field_value) ||
        is_clients_own(name)) {
      return fail(Code::invalid_argument, "invalid_header",
                  "The header field " + name + " cannot be sent.");
    }
    head.append("\r\n").append(name).append(": ").append(value);
  }
  const bool usually_has_body =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || usually_has_body) {
    head.append("\r\nContent-Length: ").append(std::to_string(request.body.size()));
  }
  head.append("\r\n\r\n");
  return head;
}

// Reads one response from a stream.
class ResponseReader {
 public:
  ResponseReader(net::Stream& stream, bool to_head, std::size_t max_bytes)
      : stream_(stream), to_head_(to_head), max_bytes_(max_bytes) {}

  bool received_anything() const { return received_anything_; }
  // The connection may be used again.
  bool keeps_connection() const { return framing_.keep_alive && used_ == buffer_.size(); }

  Task<Result<ClientResponse>> read() {
    ClientResponse response;
    do {
      KW_CO_CHECK_OK(co_await read_head(response));
    } while (response.status < 200);
    KW_CO_CHECK_OK(co_await read_body(response));
    co_return response;
  }

 private:
  // Receives more, or says why not. At the end of the stream at_end_ is set.
  Task<Result<void>> receive() {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadSize);
    const net::IoResult got =
        co_await stream_.read_some(std::span<char>(buffer_.data() + before, kReadSize));
    buffer_.resize(before + got.bytes);
    received_anything_ |= got.bytes > 0;
    at_end_ = got.status == IoStatus::end;
    if (got.status == IoStatus::ok || at_end_) co_return Result<void>();
    if (got.status == IoStatus::timed_out) {
      co_return lost("request_timeout", "The server did not answer in time.");
    }
    co_return lost("connection_lost", "The connection broke before the answer was complete.");
  }

  Task<Result<void>> read_head(ClientResponse& response) {
    buffer_.erase(0, std::exchange(used_, 0));
    h1::HeadScanner scanner((h1::HeadLimits()));
    while (true) {
      const auto outcome = scanner.scan(buffer_);
      if (outcome == h1::HeadScanner::Outcome::complete && scanner.begin() == 0) break;
      if (outcome != h1::HeadScanner::Outcome::incomplete) co_return malformed();
      if (at_end_) co_return lost("connection_lost", "The server closed the connection.");
      KW_CO_CHECK_OK(co_await receive());
    }
    used_ = scanner.size();
    auto head = std::make_unique<h1::ResponseHead>();
    const std::string_view text = std::string_view(buffer_).substr(0, used_);
    if (h1::parse_response_head(text, to_head_, *head, framing_)) co_return malformed();
    if (head->status == 101) co_return malformed();
    response.status = head->status;
    response.headers.clear();
    for (const Field& field : head->headers) response.headers.emplace_back(field.name, field.value);
    co_return Result<void>();
  }

  Task<Result<void>> read_body(ClientResponse& response) {
    h1::BodyDecoder decoder(framing_);
    if (framing_.length > max_bytes_) co_return too_large();
    while (!decoder.is_complete()) {
      char* const raw = buffer_.data() + used_;
      const auto step = decoder.decode(raw, buffer_.size() - used_, raw);
      if (step.outcome == h1::BodyDecoder::Outcome::faulty) co_return malformed();
      if (step.produced > max_bytes_ - response.body.size()) co_return too_large();
      response.body.append(raw, step.produced);
      used_ += step.consumed;
      if (decoder.is_complete()) break;
      buffer_.erase(0, std::exchange(used_, 0));
      if (at_end_) {
        if (framing_.kind == h1::Framing::Kind::until_close) break;
        co_return lost("connection_lost", "The connection ended before the answer was complete.");
      }
      KW_CO_CHECK_OK(co_await receive());
    }
    co_return Result<void>();
  }

  tl::unexpected<Error> malformed() const {
    return lost("malformed_response", "The server's answer is not well-formed HTTP/1.1.");
  }
  tl::unexpected<Error> too_large() const {
    return fail(Code::too_large, "response_too_large",
                "The answer is larger than " + std::to_string(max_bytes_) + " bytes.");
  }

  net::Stream& stream_;
  bool to_head_;
  std::size_t max_bytes_;
  bool received_anything_ = false;
  bool at_end_ = false;
  std::string buffer_;
  std::size_t used_ = 0;
  h1::Framing framing_;
};

struct Kept {
  Url url;
  std::unique_ptr<net::Stream> stream;
  net::Ticks since{};
};

}  // namespace

struct Client::Implementation {
  Implementation(net::Loop& on, ClientOptions with) : loop(on), options(std::move(with)) {}

  std::unique_ptr<net::Stream> take_kept(const Url& url) {
    const net::Ticks now = loop.read_clock();
    std::erase_if(kept, [&](const Kept& each) {
      return each.stream->has_hung_up() || now - each.since > options.keep_alive;
    });
    for (auto each = kept.begin(); each != kept.end(); ++each) {
      const bool fits = each->url.secure == url.secure && each->url.host == url.host &&
                        each->url.port == url.port;
      if (!fits) continue;
      auto stream = std::move(each->stream);
      kept.erase(each);
      return stream;
    }
    return nullptr;
  }

  void keep(const Url& url, std::unique_ptr<net::Stream> stream) {
    if (kept.size() >= options.max_kept_connections) return;
    Kept entry;
    entry.url = url;
    entry.stream = std::move(stream);
    entry.since = loop.read_clock();
    kept.push_back(std::move(entry));
  }

  Task<Result<std::unique_ptr<net::Stream>>> connect(Url url) {
    net::ConnectOptions connecting;
    connecting.timeout = options.connect_timeout;
    connecting.allow = options.allow;
    if (url.secure && !options.tls) {
      auto created = net::TlsClient::create(net::TlsClientOptions());
      if (!created) co_return fail(created.error());
      options.tls = std::move(*created);
    }
    if (url.secure) connecting.tls = options.tls.get();
    auto connected = co_await net::connect(loop, url.host, url.port, std::move(connecting));
    co_return connected;
  }

  net::Loop& loop;
  ClientOptions options;
  std::vector<Kept> kept;
};

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (secure ? 443 : 80)) text.append(":").append(std::to_string(port));
  return text;
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (rest.size() > 8 && equals_ignoring_case(rest.substr(0, 8), "https://")) {
    url.secure = true;
    rest.remove_prefix(8);
  } else if (rest.size() > 7 && equals_ignoring_case(rest.substr(0, 7), "http://")) {
    rest.remove_prefix(7);
  } else {
    return invalid_url(text);
  }
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  if (!h1::is_valid_authority(authority)) return invalid_url(text);
  url.target = rest.substr(end);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  const std::size_t query = std::min(url.target.find('?'), url.target.size());
  const bool plain = all_are(std::string_view(url.target).substr(0, query), Char::path) &&
                     (query == url.target.size() ||
                      all_are(std::string_view(url.target).substr(query + 1), Char::query));
  if (!plain) return invalid_url(text);
  url.port = url.secure ? 443 : 80;
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.back() != ']') {
    const std::string_view port = authority.substr(colon + 1);
    std::from_chars(port.data(), port.data() + port.size(), url.port);
    authority = authority.substr(0, colon);
  }
  if (authority.front() == '[') authority = authority.substr(1, authority.size() - 2);
  url.host = to_ascii_lower(authority);
  return url;
}

const std::string* ClientResponse::header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (equals_ignoring_case(field, name)) return &value;
  }
  return nullptr;
}

Client::Client(net::Loop& loop, ClientOptions options)
    : implementation_(std::make_unique<Implementation>(loop, std::move(options))) {}

Client::~Client() = default;

void Client::close_kept() { implementation_->kept.clear(); }

Task<Result<ClientResponse>> Client::send(ClientRequest request) {
  Implementation& self = *implementation_;
  KW_CO_TRY(const Url url, parse_url(request.url));
  KW_CO_TRY(const std::string head, write_head(request, url));
  while (true) {
    std::unique_ptr<net::Stream> stream = self.take_kept(url);
    const bool was_kept = stream != nullptr;
    if (!was_kept) {
      auto connected = co_await self.connect(url);
      if (!connected) co_return fail(connected.error());
      stream = std::move(*connected);
    }
    const net::TimerId timer = self.loop.run_after(self.options.request_timeout,
                                                   [&] { stream->cancel(IoStatus::timed_out); });
    // A server may answer and close before it has taken the whole body: what the writing came to
    // is told by the answer, or by its absence.
    const net::IoResult written = co_await stream->write_all(head, request.body);
    ResponseReader reader(*stream, request.method == "HEAD", self.options.max_response_bytes);
    Result<ClientResponse> response = co_await reader.read();
    self.loop.cancel(timer);
    const bool reusable = written.status == IoStatus::ok && reader.keeps_connection();
    if (response && reusable) self.keep(url, std::move(stream));
    const bool again = !response && was_kept && !reader.received_anything() &&
                       response.error().reason() == "connection_lost" &&
                       is_idempotent(request.method);
    if (!again) co_return response;
  }
}

BlockingClient::BlockingClient(ClientOptions options)
    : loop_(std::make_unique<net::Loop>()),
      client_(std::make_unique<Client>(*loop_, std::move(options))) {}

BlockingClient::~BlockingClient() {
  client_.reset();  // its connections belong to the loop
}

Result<ClientResponse> BlockingClient::send(ClientRequest request) {
  loop_->run_once(net::Duration::zero());  // learn which kept connections have been closed
  return net::run(client_->send(std::move(request)), *loop_);
}

}  // namespace keywright::http
