// cli/api_client.h - the server, as a command sees it.
//
//   ApiClient api(context, given);
//   Expected<ApiAnswer> answer = api.send("GET", "/keys?limit=50");      // as whoever is signed in
//
// Where: --server, else KEYWRIGHT_URL, else http://127.0.0.1:8080. Who: KEYWRIGHT_API_KEY, else the
// session that `keywright login` left for that address.
//
// Errors: every answer but 2xx is a Failure: what the server said (problem+json), what to do next,
// the request id, and the exit code of its status. Unreachable is ExitCode::unavailable.
// Threading: one thread; blocks. Lifetime: as the context's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/outcome.h"
#include "http/client.h"

namespace keywright::cli {

struct ApiAnswer {
  int status = 0;
  std::string body;
  std::string request_id;
};

// What an answer that is not 2xx comes to.
Failure failure_of(const http::ClientResponse& response);

class ApiClient {
 public:
  ApiClient(Context& context, const Invocation& given);
  ~ApiClient();

  // Without the slash at the end. A usage failure if it is no http address.
  Expected<std::string> url() const;

  // `path` is below /api/v1. `body`: JSON, or "" for none.
  Expected<ApiAnswer> send(std::string_view method, std::string_view path,
                           const std::string& body = {});

  // The same without a credential.
  Expected<ApiAnswer> send_as_nobody(std::string_view method, std::string_view path,
                                     const std::string& body);

  // DELETE /session with this token, whatever else is set.
  Expected<ApiAnswer> end_session(const Secret<std::string>& token);

  bool uses_api_key() const;

 private:
  Expected<void> find_credential();
  Expected<ApiAnswer> transmit(std::string_view method, std::string_view path,
                               const std::string& body, std::string_view credential);
  Expected<void> make_client();

  Context& context_;
  const Invocation& given_;
  std::unique_ptr<http::BlockingClient> client_;
  Secret<std::string> credential_;
};

}  // namespace keywright::cli
