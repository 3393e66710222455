// app/sessions.h - sessions of people: their tokens, how long they live, and links that are used
// once.
//
// A session token is `kws_` and 43 base62 characters; its CSRF token has 43 characters. Of both
// only a keyed digest is kept. A session of the targets API has a JWT instead: signed by us, with a
// random `jti`, and just as dead without its digest. A session ends 12 hours after its last use, 7
// days after it began, when it is deleted, and when the user behind it is gone or no longer active
// anywhere.
//
// Threading: io threads; make_session and make_ticket on the writer. Cost: one MAC, one look-up.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/caller.h"
#include "app/change.h"
#include "base/secret.h"

namespace keywright::app {

inline constexpr std::string_view kSessionPrefix = "kws_";
inline constexpr std::string_view kJwtStart = "eyJ";  // {" in base64url

crypto::Sha256 session_digest(const Directory& directory, std::string_view token);
bool session_lives(const Directory& directory, const domain::Session& session, Time now);
// Notes the use; kept in memory, exact to a minute.
void touch_session(const Directory& directory, const domain::Session& session, Time now);
Time session_last_used_at(const Directory& directory, const domain::Session& session);

// Does this X-CSRF-Token belong to the caller's session?
bool csrf_matches(const Directory& directory, const Caller& caller, std::string_view token);

struct NewSession {
  domain::Session session;
  Secret<std::string> token;
  Secret<std::string> csrf_token;
};
NewSession make_session(Change& change, domain::UserId user, std::string_view address,
                        std::string_view user_agent);
NewSession make_jwt_session(Change& change, const domain::User& user, std::string_view address,
                            std::string_view user_agent);
// The session goes on under a new JWT, until the time it would have ended anyway; the old one is
// dead.
NewSession replace_session(Change& change, const domain::User& user,
                           const domain::Session& session);
// The session with this token, as this change finds it; null if there is none that lives.
const domain::Session* find_live_session(const Change& change, std::string_view token);

struct NewTicket {
  domain::Ticket ticket;
  Secret<std::string> token;
};
// Earlier links of the same user stop working.
NewTicket make_ticket(Change& change, domain::UserId user, domain::TicketPurpose purpose,
                      std::chrono::seconds life);
// The ticket with this token if it is of that purpose and still good.
const domain::Ticket* find_ticket(const Change& change, std::string_view token,
                                  domain::TicketPurpose purpose);

// Ends every session of a user, but for one.
void end_sessions(Change& change, domain::UserId user,
                  std::optional<domain::SessionId> except = std::nullopt);
// Removes sessions that have ended by themselves. When they were used last is known in memory only,
// so an idle one that stayed in the store would live again after a restart. `idle_too` is false
// where other nodes share the store: one may be in use there.
void remove_ended_sessions(Change& change, bool idle_too);

}  // namespace keywright::app
