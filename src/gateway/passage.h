// gateway/passage.h - may this request pass to that service or MCP server? The one question of
// forward auth, of the services proxy and of /mcp-connect.
//
//   const Passage passage =
//       ask_passage(directory, request, cookie_name, kServiceDoor, slug, address, now);
//   if (passage.refusal) return write_refusal(exchange, *passage.refusal, passage.presence);
//   Identity identity(directory, *passage.key);
//   for (const http::Field& field : identity.fields()) ...
//
// A key passes if its kind opens what is behind the door, the key and its owner reach it, and the
// key holds the permission that a service requires. What does not exist and what the key does not
// reach are refused alike, and without a good key nothing is said about either. Sessions do not
// pass: a browser sends its cookie by itself.
//
// Errors: those of app/caller.h; 400 `credential_in_query` (also for a good key that stands in the
// address beside its field, under whatever name), `several_credentials`; 401 `credential_missing`.
// Threading: io threads. Lifetime: key and record until the next suspension; what a Caller holds
// are values. Cost: one decide(); no allocation for a key that passes without limits.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/caller.h"
#include "app/directory.h"
#include "gateway/refusal.h"
#include "http/message.h"

namespace keywright::gateway {

// What a key is to open.
struct Door {
  domain::Audience audience;
  domain::ResourceType type;
  std::string_view type_name;
  std::string_view are;  // for people: "Services are"
  // The limits are taken now; whether it was a use is known, and noted, by the caller later.
  bool notes_use_later = false;
};
inline constexpr Door kServiceDoor{domain::Audience::service, domain::ResourceType::service,
                                   "service", "Services are"};

struct Passage {
  std::optional<Error> refusal;
  Presence presence = Presence::nothing;
  std::string_view token;                  // as presented; empty if none was
  const domain::KeyRecord* key = nullptr;  // whose token it is, also when refused
  const void* record = nullptr;            // if it passes: the Service or McpServer
  std::uint64_t epoch = 0;
};

Passage ask_passage(const app::Directory& directory, const http::Request& request,
                    std::string_view cookie_name, const Door& door, std::string_view id_or_slug,
                    const IpAddress& address, Time now);

// 400: a key stood in an address.
Error credential_in_query();

// For the records in motion: the caller as values.
app::Caller caller_of(const app::Directory& directory, const Passage& passage, const Door& door,
                      const IpAddress& address);

// Adds RateLimit-Policy and RateLimit if the key has limits.
void add_limit_headers(const app::Directory& directory, const Passage& passage, Time now,
                       http::Response& response);

// X-Keywright-Key-Id, -Owner (its id), -Owner-Type and -Permissions (with commas; those of the key
// itself, so none for a key that has its owner's rights). What is not visible ASCII, and a comma in
// a permission, is percent-encoded.
class Identity {
 public:
  Identity(const app::Directory& directory, const domain::KeyRecord& key);
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  std::span<const http::Field> fields() const { return fields_; }

 private:
  std::array<http::Field, 4> fields_;
  std::array<char, 36> owner_id_;
  std::string owner_;  // only of an external owner that had to be encoded
};

}  // namespace keywright::gateway
