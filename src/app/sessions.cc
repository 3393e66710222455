#include "app/sessions.h"

#include <shared_mutex>

#include "base/encoding.h"
#include "crypto/constant_time.h"
#include "crypto/signature.h"
#include "json/writer.h"

namespace keywright::app {
namespace {

constexpr std::size_t kRandomCharacters = 43;
constexpr std::size_t kUserAgentMax = 255;

std::string hex_digest(const crypto::Keyring& keyring, std::string_view token) {
  return encode_hex(keyring.newest().session.mac(token));
}

// The claims are for people who look into it. That nobody can guess it rests on `jti`.
std::string make_jwt(Change& change, const domain::User& user, Time expires_at) {
  std::string claims;
  json::Writer writer(claims);
  writer.begin_object();
  writer.key("jti").string(random_base62(change.random(), kRandomCharacters));
  writer.key("username").string(user.email);
  writer.key("exp").integer(to_unix_milliseconds(expires_at) / 1000);
  writer.end_object();
  return crypto::sign_hs256(claims, change.keyring().newest().jwt);
}

domain::Session begun_now(const Change& change, domain::UserId user, std::string_view address,
                          std::string_view user_agent) {
  domain::Session session;
  session.user_id = user;
  session.address = address;
  session.user_agent = user_agent.substr(0, kUserAgentMax);
  session.created_at = change.now;
  session.expires_at = change.now + kSessionLife;
  return session;
}

// An id, tokens and their digests for the session, which is put.
void give_tokens(Change& change, NewSession& made, std::string token) {
  std::string csrf_token = random_base62(change.random(), kRandomCharacters);
  made.session.id = {change.new_id()};
  made.session.digest = hex_digest(change.keyring(), token);
  made.session.csrf_digest = hex_digest(change.keyring(), csrf_token);
  made.token = Secret<std::string>(std::move(token));
  made.csrf_token = Secret<std::string>(std::move(csrf_token));
  change.put(made.session);
}

}  // namespace

crypto::Sha256 session_digest(const Directory& directory, std::string_view token) {
  return directory.keyring().newest().session.mac(token);
}

Time session_last_used_at(const Directory& directory, const domain::Session& session) {
  const auto used = directory.session_uses().last_used_at(session.id.value);
  return std::max(used, session.created_at);
}

bool session_lives(const Directory& directory, const domain::Session& session, Time now) {
  if (now >= session.expires_at) return false;
  if (now >= session_last_used_at(directory, session) + kSessionIdle) return false;
  const domain::User* user = directory.find<domain::User>(session.user_id.value);
  return user != nullptr && user->is_active();
}

void touch_session(const Directory& directory, const domain::Session& session, Time now) {
  directory.session_uses().touch(session.id.value, now);
}

bool csrf_matches(const Directory& directory, const Caller& caller, std::string_view token) {
  const domain::Session* session = directory.find_session(caller.digest);
  if (session == nullptr) return false;
  return crypto::equal_in_constant_time(session->csrf_digest,
                                        hex_digest(directory.keyring(), token));
}

NewSession make_session(Change& change, domain::UserId user, std::string_view address,
                        std::string_view user_agent) {
  NewSession made;
  made.session = begun_now(change, user, address, user_agent);
  std::string token(kSessionPrefix);
  token += random_base62(change.random(), kRandomCharacters);
  give_tokens(change, made, std::move(token));
  return made;
}

NewSession make_jwt_session(Change& change, const domain::User& user, std::string_view address,
                            std::string_view user_agent) {
  NewSession made;
  made.session = begun_now(change, user.id, address, user_agent);
  give_tokens(change, made, make_jwt(change, user, made.session.expires_at));
  return made;
}

NewSession replace_session(Change& change, const domain::User& user,
                           const domain::Session& session) {
  NewSession made;
  made.session = session;
  change.erase<domain::Session>(session.id.value);
  give_tokens(change, made, make_jwt(change, user, session.expires_at));
  touch_session(change.directory(), made.session, change.now);
  return made;
}

const domain::Session* find_live_session(const Change& change, std::string_view token) {
  const Directory& directory = change.directory();
  const domain::Session* session = directory.find_session(session_digest(directory, token));
  if (session == nullptr || !session_lives(directory, *session, change.now)) return nullptr;
  const auto* newest = change.find<domain::Session>(session->id.value);
  const auto* user = change.find<domain::User>(session->user_id.value);
  const bool lives = newest != nullptr && user != nullptr && user->is_active();
  return lives ? newest : nullptr;
}

NewTicket make_ticket(Change& change, domain::UserId user, domain::TicketPurpose purpose,
                      std::chrono::seconds life) {
  std::vector<Uuid> earlier;
  change.for_each<domain::Ticket>([&](const domain::Ticket& ticket) {
    const bool is_over = ticket.expires_at <= change.now;
    if (ticket.user_id != user && !is_over) return;
    earlier.push_back(ticket.id.value);
    if (!is_over) change.removes_access();  // that link opens nothing from now on
  });
  for (const Uuid& id : earlier) change.erase<domain::Ticket>(id);
  NewTicket made;
  std::string token = random_base62(change.random(), kRandomCharacters);
  made.ticket = {
      {change.new_id()}, user, purpose, hex_digest(change.keyring(), token), change.now + life};
  made.token = Secret<std::string>(std::move(token));
  change.put(made.ticket);
  return made;
}

const domain::Ticket* find_ticket(const Change& change, std::string_view token,
                                  domain::TicketPurpose purpose) {
  const domain::Ticket* ticket =
      change.directory().find_ticket(change.keyring().newest().session.mac(token));
  if (ticket == nullptr) return nullptr;
  const domain::Ticket* newest = change.find<domain::Ticket>(ticket->id.value);
  const bool good =
      newest != nullptr && newest->purpose == purpose && newest->expires_at > change.now;
  return good ? newest : nullptr;
}

void end_sessions(Change& change, domain::UserId user, std::optional<domain::SessionId> except) {
  std::vector<Uuid> ended;
  change.for_each<domain::Session>([&](const domain::Session& session) {
    const bool over = session.expires_at <= change.now;
    if ((session.user_id == user && session.id != except) || over)
      ended.push_back(session.id.value);
  });
  for (const Uuid& id : ended) change.erase<domain::Session>(id);
}

void remove_ended_sessions(Change& change, bool idle_too) {
  constexpr std::size_t kAtOnce = 1000;  // the rest the next time
  std::vector<Uuid> ended;
  change.for_each<domain::Session>([&](const domain::Session& session) {
    const bool over = session.expires_at <= change.now ||
                      (idle_too && !session_lives(change.directory(), session, change.now));
    if (over && ended.size() < kAtOnce) ended.push_back(session.id.value);
  });
  for (const Uuid& id : ended) change.erase<domain::Session>(id);
}

}  // namespace keywright::app
