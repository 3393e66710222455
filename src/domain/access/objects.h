// domain/access/objects.h - the things that keys open, and the people who own keys, as records.
//
// One struct serves the wire, the store and the memory: its description (json/describe.h) says
// which fields a client may read, and which stay in the store (`stored_only`). Records are
// immutable once published in the directory (app/directory.h): a change publishes a new one.
//
// Threading: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "domain/access/ids.h"
#include "domain/access/roles.h"
#include "json/describe.h"

namespace keywright::domain {

struct Organization {
  OrganizationId id;
  std::string name;
  Time created_at;
};
KW_DESCRIBE(Organization, field<&Organization::id>("id", "Id of the organization.", read_only),
            field<&Organization::name>("name", "Shown to people.", non_blank, max_length(255)),
            field<&Organization::created_at>("created_at", "When it was made.", read_only))

// A person's place in one organization. The directory keeps them inside the User.
struct Membership {
  MembershipId id;
  OrganizationId organization_id;
  UserId user_id;
  Role role = Role::viewer;
  bool active = true;
  Time created_at;
};
KW_DESCRIBE(Membership, field<&Membership::id>("id", "Id of the membership."),
            field<&Membership::organization_id>("organization_id", "Where the role is held."),
            field<&Membership::user_id>("user_id", "Who holds it."),
            field<&Membership::role>("role", "What the person may do there."),
            field<&Membership::active>("active", "False once the person was deactivated there."),
            field<&Membership::created_at>("created_at", "When the person joined."))

// A person, or a service account (no sign-in). Rights come from the memberships, each time anew.
struct User {
  UserId id;
  std::int64_t serial = 0;  // small positive integer, part of connect tokens
  std::string email;        // lower case; "" for a service account
  std::string name;
  bool service_account = false;
  std::string password_hash;  // Argon2id, stays in the store form; "" while an invitation is open
  Time created_at;
  std::vector<Membership> memberships;  // oldest first; not in the stored body: rows of their own

  const Membership* membership_in(OrganizationId organization) const;
  bool is_active() const;  // has at least one active membership
};
KW_DESCRIBE(User, field<&User::id>("id", "Id of the user.", read_only),
            field<&User::serial>("serial", "Small integer id.", read_only),
            field<&User::email>("email", "Address used to sign in; empty for a service account."),
            field<&User::name>("name", "Shown to people."),
            field<&User::service_account>("service_account", "True if nobody signs in as it."),
            field<&User::password_hash>("password_hash", "Argon2id hash.", stored_only),
            field<&User::created_at>("created_at", "When it was made.", read_only))

struct Project {
  ProjectId id;
  OrganizationId organization_id;
  std::string name;
  Time created_at;
  std::optional<std::int64_t> trace_retention_days = {};
};
KW_DESCRIBE(Project, field<&Project::id>("id", "Id of the project.", read_only),
            field<&Project::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&Project::name>("name", "Shown to people."),
            field<&Project::created_at>("created_at", "When it was made.", read_only),
            field<&Project::trace_retention_days>("trace_retention_days",
                                                  "Days its traces are kept; null: 90.", minimum(1),
                                                  maximum(3650)))

enum class PlatformType : unsigned char { flowise, n8n, http_api };
KW_DESCRIBE_ENUM(PlatformType, flowise, n8n, http_api)

struct Platform {
  PlatformId id;
  OrganizationId organization_id;
  ProjectId project_id;
  std::string name;
  PlatformType type = PlatformType::http_api;
  std::optional<std::string> external_id;
  std::optional<std::string> service_name;
  Time created_at;
};
KW_DESCRIBE(Platform, field<&Platform::id>("id", "Id of the platform.", read_only),
            field<&Platform::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&Platform::project_id>("project_id", "Project it is part of.", read_only),
            field<&Platform::name>("name", "Shown to people."),
            field<&Platform::type>("type", "Which kind of sender it is."),
            field<&Platform::external_id>("external_id", "Chatflow or workflow id at the sender."),
            field<&Platform::service_name>("service_name", "OpenTelemetry service.name."),
            field<&Platform::created_at>("created_at", "When it was made.", read_only))

struct Target {
  TargetId id;
  OrganizationId organization_id;
  std::string name;
  std::string url;
  Time created_at;
};
KW_DESCRIBE(Target, field<&Target::id>("id", "Id of the target.", read_only),
            field<&Target::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&Target::name>("name", "Shown to people."),
            field<&Target::url>("url", "Address that the target stands for."),
            field<&Target::created_at>("created_at", "When it was made.", read_only))

// Header values sent upstream are sealed (crypto/sealed.h) and never leave the store again.
using SealedHeaders = std::map<std::string, std::string>;

struct McpServer {
  McpServerId id;
  OrganizationId organization_id;
  std::string name;
  std::string slug;
  std::string url;
  SealedHeaders sealed_headers;
  std::vector<std::string> header_names;
  bool enabled = true;
  UserId created_by;
  Time created_at;
};
KW_DESCRIBE(McpServer, field<&McpServer::id>("id", "Id of the server.", read_only),
            field<&McpServer::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&McpServer::name>("name", "Shown to people."),
            field<&McpServer::slug>("slug", "Name in addresses: /mcp-connect/{slug}."),
            field<&McpServer::url>("url", "Upstream address."),
            field<&McpServer::sealed_headers>("sealed_headers", "Sealed values.", stored_only),
            field<&McpServer::header_names>("header_names", "Headers added on the way upstream.",
                                            read_only),
            field<&McpServer::enabled>("enabled", "False: nobody may connect."),
            field<&McpServer::created_by>("created_by", "User who registered it.", read_only),
            field<&McpServer::created_at>("created_at", "When it was made.", read_only))

// A named set of MCP servers, given to some users or to everyone in the organization.
struct Registry {
  RegistryId id;
  OrganizationId organization_id;
  std::string name;
  std::vector<McpServerId> mcp_server_ids;
  std::vector<UserId> user_ids;
  bool everyone = false;
  Time created_at;
};
KW_DESCRIBE(Registry, field<&Registry::id>("id", "Id of the registry.", read_only),
            field<&Registry::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&Registry::name>("name", "Shown to people."),
            field<&Registry::mcp_server_ids>("mcp_server_ids", "Servers in the set."),
            field<&Registry::user_ids>("user_ids", "Users it is given to."),
            field<&Registry::everyone>("everyone", "True: given to the whole organization."),
            field<&Registry::created_at>("created_at", "When it was made.", read_only))

struct Service {
  ServiceId id;
  OrganizationId organization_id;
  std::string name;
  std::string slug;
  std::string upstream_url;
  SealedHeaders sealed_headers;
  std::vector<std::string> header_names;
  std::optional<std::string> required_permission;
  std::vector<std::string> audiences;  // empty: every kind whose audiences include `service`
  Time created_at;
};
KW_DESCRIBE(Service, field<&Service::id>("id", "Id of the service.", read_only),
            field<&Service::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&Service::name>("name", "Shown to people."),
            field<&Service::slug>("slug", "Name in addresses: /services/{slug}/..."),
            field<&Service::upstream_url>("upstream_url", "Where requests are sent."),
            field<&Service::sealed_headers>("sealed_headers", "Sealed values.", stored_only),
            field<&Service::header_names>("header_names", "Headers added on the way upstream.",
                                          read_only),
            field<&Service::required_permission>("required_permission",
                                                 "Permission that a key needs to pass."),
            field<&Service::audiences>("audiences", "Audiences of keys that may pass."),
            field<&Service::created_at>("created_at", "When it was made.", read_only))

// A family of customer keys that share a token prefix. Deleting it ends its keys.
struct Keyspace {
  KeyspaceId id;
  OrganizationId organization_id;
  std::string name;
  std::string prefix;
  Time created_at;
};
KW_DESCRIBE(Keyspace, field<&Keyspace::id>("id", "Id of the keyspace.", read_only),
            field<&Keyspace::organization_id>("organization_id", "Where it belongs.", read_only),
            field<&Keyspace::name>("name", "Shown to people."),
            field<&Keyspace::prefix>("prefix", "First characters of its tokens.", read_only),
            field<&Keyspace::created_at>("created_at", "When it was made.", read_only))

// A signed-in browser or CLI. The token (`kws_...`) is kept as its keyed digest.
struct Session {
  SessionId id;
  UserId user_id;
  std::string digest;       // hex
  std::string csrf_digest;  // hex
  std::string address;
  std::string user_agent;
  Time created_at;
  Time expires_at;  // 7 days after sign-in; idle end (12 h) is computed from the last use
};
KW_DESCRIBE(Session, field<&Session::id>("id", "Id of the session."),
            field<&Session::user_id>("user_id", "Who is signed in."),
            field<&Session::digest>("digest", "Keyed digest of the token.", stored_only),
            field<&Session::csrf_digest>("csrf_digest", "Keyed digest.", stored_only),
            field<&Session::address>("address", "Where the sign-in came from."),
            field<&Session::user_agent>("user_agent", "What the browser called itself."),
            field<&Session::created_at>("created_at", "When the sign-in happened."),
            field<&Session::expires_at>("expires_at", "When it ends at the latest."))

// A single-use link: an invitation or a password reset.
enum class TicketPurpose : unsigned char { invitation, password_reset };
KW_DESCRIBE_ENUM(TicketPurpose, invitation, password_reset)

struct Ticket {
  TicketId id;
  UserId user_id;
  TicketPurpose purpose = TicketPurpose::invitation;
  std::string digest;  // hex
  Time expires_at;
};
KW_DESCRIBE(Ticket, field<&Ticket::id>("id", "Id of the link."),
            field<&Ticket::user_id>("user_id", "Whose password it sets."),
            field<&Ticket::purpose>("purpose", "Why it was made."),
            field<&Ticket::digest>("digest", "Keyed digest of its token.", stored_only),
            field<&Ticket::expires_at>("expires_at", "When it stops working."))

// "A user may connect to a server when it is enabled and it is in a registry given to them, or they
// created it, or they are admin or owner." `registries` are those of the server's organization.
bool may_connect(const User& user, const McpServer& server,
                 const std::vector<const Registry*>& registries);

}  // namespace keywright::domain
