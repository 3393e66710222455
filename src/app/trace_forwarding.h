// app/trace_forwarding.h - traces of a platform, sent on to somebody else's address.
//
//   TraceForwarding* forwarding = app.traces->forwarding();   // null: not on this server
//   KW_TRY(auto found, forwarding->find(platform));
//
// The interface stands here as app/trace_reader.h does, so that operations need not know who sends:
// the room `forwarding` implements it. It knows nothing of rights. Secrets come in sealed and never
// go out.
//
// Errors: unavailable when the trace store cannot be read or written.
// Threading: any thread; everything but test() blocks on the disk. Lifetime: outlives every
// operation.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "domain/access/ids.h"
#include "domain/access/objects.h"
#include "json/describe.h"
#include "json/patch.h"

namespace keywright::app {

enum class ForwardingType : unsigned char { webhook, otlp };
KW_DESCRIBE_ENUM(ForwardingType, webhook, otlp)

enum class OtlpEncoding : unsigned char { protobuf, json };
KW_DESCRIBE_ENUM(OtlpEncoding, protobuf, json)

// Where the traces of one platform are sent, as it is kept beside them.
struct Forwarding {
  domain::PlatformId platform_id;
  domain::ProjectId project_id;
  ForwardingType type = ForwardingType::webhook;
  std::string url;
  OtlpEncoding encoding = OtlpEncoding::protobuf;
  domain::SealedHeaders sealed_headers;
  std::vector<std::string> header_names;
  bool enabled = true;
  std::optional<std::string> disabled_reason;
  std::string sealed_secret;           // of a webhook
  std::string sealed_previous_secret;  // signs too, until
  std::optional<Time> previous_secret_until;
  Time created_at;
  Time updated_at;
};
KW_DESCRIBE(Forwarding, field<&Forwarding::platform_id>("platform_id", "Whose traces are sent."),
            field<&Forwarding::project_id>("project_id", "Project of the platform."),
            field<&Forwarding::type>("type", "webhook or otlp."),
            field<&Forwarding::url>("url", "Where they are sent."),
            field<&Forwarding::encoding>("encoding", "Of OTLP: protobuf or json."),
            field<&Forwarding::sealed_headers>("sealed_headers", "Sealed values.", stored_only),
            field<&Forwarding::header_names>("header_names", "Headers added on the way."),
            field<&Forwarding::enabled>("enabled", "False: traces wait."),
            field<&Forwarding::disabled_reason>("disabled_reason", "Why, if nobody asked for it."),
            field<&Forwarding::sealed_secret>("sealed_secret", "Sealed.", stored_only),
            field<&Forwarding::sealed_previous_secret>("sealed_previous_secret", "Sealed.",
                                                       stored_only),
            field<&Forwarding::previous_secret_until>("previous_secret_until",
                                                      "Until when the secret before signs, too."),
            field<&Forwarding::created_at>("created_at", "When it was made."),
            field<&Forwarding::updated_at>("updated_at", "When it was changed last."))

// How it goes.
struct ForwardingState {
  std::int64_t queued = 0;
  std::int64_t lag_seconds = 0;
  std::int64_t delivered = 0;
  std::int64_t dead_letters = 0;
  std::int64_t failures = 0;
  std::optional<Time> last_success_at;
  std::optional<Time> last_error_at;
  std::optional<std::string> last_error;
  std::optional<Time> next_attempt_at;
};
KW_DESCRIBE(ForwardingState,
            field<&ForwardingState::queued>("queued", "Messages that wait to be sent."),
            field<&ForwardingState::lag_seconds>("lag_seconds",
                                                 "How long the oldest of them has waited."),
            field<&ForwardingState::delivered>("delivered", "Messages that arrived."),
            field<&ForwardingState::dead_letters>("dead_letters",
                                                  "Messages that were given up, see dead-letters."),
            field<&ForwardingState::failures>("failures", "Attempts that failed in a row."),
            field<&ForwardingState::last_success_at>("last_success_at", "When one arrived last."),
            field<&ForwardingState::last_error_at>("last_error_at", "When one failed last."),
            field<&ForwardingState::last_error>("last_error", "Why."),
            field<&ForwardingState::next_attempt_at>("next_attempt_at",
                                                     "When it is tried again, after a failure."))

struct DeadTrace {
  std::string id;
  std::optional<std::string> trace_id;
  std::int64_t revision = 1;
  std::optional<std::int64_t> status;
  std::string error;
  std::int64_t attempts = 0;
  Time queued_at;
  Time failed_at;
};
KW_DESCRIBE(DeadTrace, field<&DeadTrace::id>("id", "Id of the dead letter."),
            field<&DeadTrace::trace_id>("trace_id", "The trace."),
            field<&DeadTrace::revision>("revision", "Which state of it was to be sent."),
            field<&DeadTrace::status>("status",
                                      "HTTP status of the last answer, if there was one."),
            field<&DeadTrace::error>("error", "Why it was given up."),
            field<&DeadTrace::attempts>("attempts", "How often it was tried."),
            field<&DeadTrace::queued_at>("queued_at", "Since when it was to be sent."),
            field<&DeadTrace::failed_at>("failed_at", "When it was given up."))

struct DeadTracePage {
  std::vector<DeadTrace> items;  // newest first
  std::optional<std::string> next_cursor;
};

struct ForwardingTest {
  bool delivered = false;
  std::optional<std::int64_t> status;
  std::int64_t duration_ms = 0;
  std::optional<std::string> error;
};
KW_DESCRIBE(ForwardingTest,
            field<&ForwardingTest::delivered>("delivered", "True if the receiver took it."),
            field<&ForwardingTest::status>("status", "HTTP status of the answer."),
            field<&ForwardingTest::duration_ms>("duration_ms", "How long it took."),
            field<&ForwardingTest::error>("error", "What went wrong."))

class TraceForwarding {
 public:
  virtual ~TraceForwarding() = default;
  virtual Result<std::optional<Forwarding>> find(domain::PlatformId platform) = 0;
  virtual Result<ForwardingState> state(domain::PlatformId platform) = 0;
  // Durable when it returns. A change begins with the next message.
  virtual Result<void> put(const Forwarding& forwarding) = 0;
  virtual Result<void> remove(domain::PlatformId platform) = 0;
  virtual Result<DeadTracePage> dead_letters(domain::PlatformId platform, std::string_view cursor,
                                             int limit) = 0;
  // One dead letter, or all of them; how many go to the end of the queue.
  virtual Result<std::int64_t> redrive(domain::PlatformId platform,
                                       const std::optional<std::string>& id) = 0;
  // Sends an example now, whatever waits; `done` is called once, on another thread.
  virtual void test(domain::PlatformId platform,
                    std::function<void(Result<ForwardingTest>)> done) = 0;
};

// Where its sealed values belong (crypto/sealed.h).
std::string forwarding_place(domain::PlatformId platform);
std::string forwarding_secret_place(domain::PlatformId platform);

}  // namespace keywright::app
