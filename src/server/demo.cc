#include "server/demo.h"

#include <fmt/format.h>

#include "app/organizations.h"
#include "app/passwords.h"
#include "app/sessions.h"
#include "base/encoding.h"
#include "json/codec.h"
#include "json/document.h"
#include "server/operator.h"
#include "server/setup.h"

namespace keywright::server {

namespace {

constexpr std::string_view kSetting = "demo";
constexpr std::string_view kOrganization = "Example Company";
constexpr std::string_view kOwner = "owner@example.com";
constexpr std::size_t kPasswordCharacters = 20;
constexpr std::chrono::days kKeyLife{90};

// What later starts have to know: the id of everything that was made, by its name here.
struct DemoState {
  std::map<std::string, std::string> ids;
};
KW_DESCRIBE(DemoState, field<&DemoState::ids>("ids", "Id of each object, by name."))

// One object to make. In `path` and `body`, {name} stands for the id of the object of that name,
// and {in 90 days} for a time. People get their password afterwards.
struct Object {
  std::string_view name;
  std::string_view operation;
  std::string_view path_field;  // "" = none
  std::string_view path_value;
  std::string_view body;
};

constexpr Object kObjects[] = {
    {"user.admin", "users.create", "", "",
     R"({"email":"admin@example.com","name":"Adam Admin","role":"admin"})"},
    {"user.member", "users.create", "", "",
     R"({"email":"member@example.com","name":"Mina Member","role":"member"})"},
    {"user.viewer", "users.create", "", "",
     R"({"email":"viewer@example.com","name":"Vera Viewer","role":"viewer"})"},
    {"user.auditor", "users.create", "", "",
     R"({"email":"auditor@example.com","name":"Aldo Auditor","role":"auditor"})"},
    {"user.ci", "users.create", "", "",
     R"({"service_account":true,"name":"Build pipeline","role":"member"})"},
    {"project", "projects.create", "", "", R"({"name":"Support assistant"})"},
    {"project.sales", "projects.create", "", "", R"({"name":"Sales assistant"})"},
    {"platform.n8n", "platforms.create", "project_id", "{project}",
     R"({"name":"Ticket triage","type":"n8n","external_id":"workflow-triage"})"},
    {"platform.flowise", "platforms.create", "project_id", "{project}",
     R"({"name":"Website chat","type":"flowise","external_id":"chatflow-website"})"},
    {"platform.api", "platforms.create", "project_id", "{project}",
     R"({"name":"Mobile app","type":"http_api","service_name":"mobile-app"})"},
    {"platform.sales", "platforms.create", "project_id", "{project.sales}",
     R"({"name":"Lead scoring","type":"n8n","external_id":"workflow-leads"})"},
    {"target", "targets.create", "", "", R"({"name":"Web shop","url":"https://shop.example.com"})"},
    {"target.api", "targets.create", "", "",
     R"({"name":"Partner API","url":"https://api.example.com"})"},
    {"mcp.tickets", "mcp_servers.create", "", "",
     R"({"name":"Tickets","slug":"tickets","url":"http://127.0.0.1:9101/mcp"})"},
    {"mcp.handbook", "mcp_servers.create", "", "",
     R"({"name":"Handbook","slug":"handbook","url":"http://127.0.0.1:9102/mcp"})"},
    {"registry", "registries.create", "", "",
     R"({"name":"For everyone","mcp_server_ids":["{mcp.handbook}"],"everyone":true})"},
    {"registry.support", "registries.create", "", "",
     R"({"name":"Support team","mcp_server_ids":["{mcp.tickets}","{mcp.handbook}"],)"
     R"("user_ids":["{user.member}"]})"},
    {"service", "services.create", "", "",
     R"({"name":"Weather","slug":"weather","upstream_url":"http://127.0.0.1:9201",)"
     R"("required_permission":"weather.read"})"},
    {"keyspace", "keyspaces.create", "", "", R"({"name":"Customers","prefix":"acme_"})"},
};

// One key of each kind, and a second one that sends traces.
constexpr Object kKeys[] = {
    {"personal", "keys.create", "", "",
     R"({"kind":"personal","name":"Scripts on my laptop","expires_at":"{in 90 days}"})"},
    {"mcp", "keys.create", "", "",
     R"({"kind":"mcp","name":"Desktop assistant","expires_at":"{in 90 days}"})"},
    {"access", "keys.create", "", "", R"({"kind":"access","name":"Everything I may do"})"},
    {"connect", "keys.create", "", "",
     R"({"kind":"connect","name":"Editor: tickets and handbook",)"
     R"("scope":{"ids":["{mcp.tickets}","{mcp.handbook}"]}})"},
    {"ingest", "keys.create", "", "",
     R"({"kind":"ingest","name":"Traces of the whole project","owner":{"type":"project",)"
     R"("id":"{project}"}})"},
    {"ingest_one", "keys.create", "", "",
     R"({"kind":"ingest","name":"Traces of ticket triage","owner":{"type":"project",)"
     R"("id":"{project}"},"scope":{"ids":["{platform.n8n}"]}})"},
    {"account", "keys.create", "", "",
     R"({"kind":"account","name":"Scanner, all targets","owner":{"type":"organization",)"
     R"("id":"{organization}"}})"},
    {"target_key", "keys.create", "", "",
     R"({"kind":"target","name":"Scanner, web shop","owner":{"type":"target","id":"{target}"}})"},
    {"management", "keys.create", "", "",
     R"({"kind":"management","name":"Our own gateway","owner":{"type":"organization",)"
     R"("id":"{organization}"},"permissions":["keys:verify","keys:read","keys:write",)"
     R"("audit:read"]})"},
    {"customer", "keys.create", "", "",
     R"({"kind":"customer","name":"Customer 42","keyspace_id":"{keyspace}",)"
     R"("owner":{"type":"external","id":"customer-42"},"permissions":["weather.read"]})"},
};

// The people who share the demo's password.
constexpr std::string_view kPeople[] = {"user.owner", "user.admin", "user.member", "user.viewer",
                                        "user.auditor"};

// The end of a day: a start that goes on where another was interrupted asks for the same again,
// which its idempotency keys want.
Time end_of_keys(Time now) { return std::chrono::ceil<std::chrono::days>(now + kKeyLife); }

class Maker {
 public:
  Maker(Core& core, app::App& app, DemoState state)
      : core_(core), app_(app), state_(std::move(state)) {}

  Result<DemoSheet> make();

 private:
  Result<void> make_owner();
  Result<void> renew_passwords();
  Result<void> make_object(const Object& object, std::string_view idempotency_key);
  Result<void> make_missing();
  Result<void> save();
  Result<void> renew_key(const Object& key);
  Result<void> rotate(const Object& key);
  std::string filled(std::string_view text) const;

  Core& core_;
  app::App& app_;
  DemoState state_;
  Secret<std::string> password_;
  std::unique_ptr<Operator> owner_;
  std::vector<DemoKey> tokens_;
};

std::string Maker::filled(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = text.find('}', open);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    const std::string name(text.substr(open + 1, close - open - 1));
    const auto id = state_.ids.find(name);
    const bool is_name = id != state_.ids.end() || name == "in 90 days";
    if (!is_name) {  // a brace of the JSON itself
      out += text.substr(0, open + 1);
      text.remove_prefix(open + 1);
      continue;
    }
    out += text.substr(0, open);
    out += id != state_.ids.end() ? id->second : format_rfc3339(end_of_keys(core_.clock.now()));
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

// The first person, and with him the organization. The password follows with everybody's.
Result<void> Maker::make_owner() {
  if (const domain::User* owner = core_.directory.find_user_by_email(kOwner)) {
    state_.ids["user.owner"] = owner->id.to_string();
    if (!owner->memberships.empty()) {
      state_.ids["organization"] = owner->memberships.front().organization_id.to_string();
    }
    return {};
  }
  const SetupInput input{std::string(kOrganization), std::string(kOwner), "Olivia Owner"};
  KW_TRY(const SetupDone done, set_up(core_, input, password_));
  state_.ids["user.owner"] = done.user_id.to_string();
  state_.ids["organization"] = done.organization_id.to_string();
  return {};
}

Result<void> Maker::renew_passwords() {
  KW_TRY(const crypto::PasswordHash hash, app::password_hasher().hash(password_));
  KW_CHECK_OK(core_.committer.run([&](app::Change& change) -> Result<void> {
    for (std::string_view name : kPeople) {
      const auto id = state_.ids.find(std::string(name));
      if (id == state_.ids.end()) continue;
      KW_TRY(const Uuid uuid, Uuid::parse(id->second));
      const domain::User* found = change.find<domain::User>(uuid);
      if (found == nullptr) continue;
      domain::User user = *found;
      user.password_hash = hash.encoded;
      change.put(user);
      app::end_sessions(change, user.id);
    }
    return {};
  }));
  return {};
}

Result<void> Maker::make_object(const Object& object, std::string_view idempotency_key) {
  const std::string path_value = filled(object.path_value);
  Operator::PathFields path;
  if (!object.path_field.empty()) path.emplace_back(object.path_field, path_value);
  const std::string body = filled(object.body);
  KW_TRY(const std::string answer, owner_->call(object.operation, path, body, idempotency_key));
  KW_TRY(const json::Document document, json::Document::parse(answer));
  const auto id = document.root().find("id");
  state_.ids[std::string(object.name)] = id ? id->as_string().value_or("") : "";
  return save();
}

Result<void> Maker::save() { return core_.store->set_setting(kSetting, json::encode(state_)); }

// Goes on where an interrupted start stopped: what was made is noted at once, and the one object
// that was not noted any more is found by its idempotency key.
Result<void> Maker::make_missing() {
  const auto make_each = [&](std::span<const Object> objects) -> Result<void> {
    for (const Object& object : objects) {
      if (state_.ids.contains(std::string(object.name))) continue;
      KW_CHECK_OK(make_object(object, fmt::format("demo-{}", object.name)));
    }
    return {};
  };
  KW_CHECK_OK(make_each(kObjects));
  return make_each(kKeys);
}

Result<void> Maker::rotate(const Object& key) {
  const std::string id = state_.ids[std::string(key.name)];
  if (key.body.find("{in 90 days}") != std::string_view::npos) {
    const std::string life = filled(R"({"expires_at":"{in 90 days}"})");
    KW_CHECK_OK(owner_->call("keys.update", {{"id", id}}, life));
  }
  KW_TRY(const std::string answer,
         owner_->call("keys.rotate", {{"id", id}}, R"({"overlap_seconds":0})"));
  KW_TRY(const json::Document document, json::Document::parse(answer));
  const auto token = document.root().find("key");
  tokens_.push_back({std::string(key.name),
                     Secret<std::string>(std::string(token ? token->as_string().value_or("")
                                                           : std::string_view()))});
  return {};
}

// A key that somebody revoked while trying things out is made anew.
Result<void> Maker::renew_key(const Object& key) {
  if (rotate(key)) return {};
  KW_CHECK_OK(make_object(key, ""));
  return rotate(key);
}

Result<DemoSheet> Maker::make() {
  password_ = Secret<std::string>(random_base62(core_.random, kPasswordCharacters));
  KW_CHECK_OK(make_owner());
  KW_TRY(const Uuid owner, Uuid::parse(state_.ids["user.owner"]));
  KW_TRY(owner_, Operator::sign_in(core_, app_, domain::UserId{owner}));
  KW_CHECK_OK(make_missing());
  for (const Object& key : kKeys) KW_CHECK_OK(renew_key(key));
  owner_.reset();
  KW_CHECK_OK(renew_passwords());
  KW_CHECK_OK(save());
  DemoSheet sheet;
  sheet.organization = kOrganization;
  sheet.email = kOwner;
  sheet.password = std::move(password_);
  sheet.keys = std::move(tokens_);
  sheet.ids = std::move(state_.ids);
  return sheet;
}

}  // namespace

std::string_view DemoSheet::token(std::string_view name) const {
  for (const DemoKey& key : keys) {
    if (key.name == name) return key.token.reveal();
  }
  return {};
}

std::string_view DemoSheet::id(const std::string& name) const {
  const auto found = ids.find(name);
  return found == ids.end() ? std::string_view() : found->second;
}

Result<DemoSheet> prepare_demo(Core& core, app::App& app) {
  KW_TRY(const std::optional<std::string> setting, core.store->setting(kSetting));
  DemoState state;
  if (setting) {
    KW_TRY(state, json::decode<DemoState>(*setting, {.form = json::Form::store}));
  } else if (is_set_up(core.directory)) {
    return fail(Code::conflict, "not_a_demo",
                "This directory holds an installation that is not a demo. Name another one with "
                "--data, or leave out --demo.");
  } else {
    KW_CHECK_OK(core.store->set_setting(kSetting, json::encode(state)));
  }
  auto sheet = Maker(core, app, std::move(state)).make();
  if (sheet) return sheet;
  std::string why = sheet.error().detail();
  for (const FieldProblem& problem : sheet.error().problems()) {
    why += fmt::format(" {}: {}.", problem.field, problem.message);
  }
  return fail(Error(sheet.error().code(), sheet.error().reason(),
                    fmt::format("The demo could not be prepared: {} Remove its directory to "
                                "begin anew.",
                                why))
                  .with_internal(sheet.error().internal()));
}

}  // namespace keywright::server
