#include "ingest/face.h"
#include "ingest/visit.h"

namespace keywright::ingest {

// Also what a key was refused that was not let in: those who wonder where its traces are look here.
void Face::note_refused(const http::Request& request, Visit& visit, const Error& error) const {
  if (visit.is_noted) return;
  if (!visit.admitted) {
    if (visit.token.empty()) return;
    const domain::KeyRecord* key = app_.directory.find_token(visit.token);
    if (key == nullptr) return;
    auto sender = sender_of(app_.directory, *key);
    if (!sender) return;
    visit.sender = std::move(*sender);
  }
  const Refusal refusal = visit.refusal ? *visit.refusal : refusal_of(error);
  note_unrouted(request, visit, refusal, 1);
}

void Face::note_unrouted(const http::Request& request, const Visit& visit, const Refusal& refusal,
                         std::int64_t count) const {
  app::UnroutedTrace trace;
  trace.time = app_.clock.now();
  trace.key_id = visit.sender.key_id;
  trace.reason = refusal.code;
  trace.message = refusal.message;
  if (!refusal.details.empty()) {
    trace.message = refusal.details.front().field + ": " + refusal.details.front().message;
  }
  trace.path = request.path;
  trace.content_type = request.headers.find("Content-Type").value_or("");
  trace.user_agent = request.headers.find("User-Agent").value_or("");
  trace.external_id = request.headers.find("X-Request-Id").value_or("");
  for (std::string* text :
       {&trace.path, &trace.content_type, &trace.user_agent, &trace.external_id, &trace.message}) {
    blot_out(*text, visit.token);
  }
  trace.address = visit.address.to_string();
  trace.size_bytes = static_cast<std::int64_t>(visit.body_bytes);
  trace.request_id = request.request_id;
  const auto listing =
      visit.admitted ? UnroutedLog::Listing::each : UnroutedLog::Listing::once_a_minute;
  unrouted_.note(visit.sender.project, std::move(trace), count, listing);
}

}  // namespace keywright::ingest
