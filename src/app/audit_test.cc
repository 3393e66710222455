// Every change leaves its line in the audit log, and nothing that is stored holds a secret.
#include <gtest/gtest.h>

#include <set>

#include "app/harness_test.h"
#include "app/trace_forwarding.h"
#include "app/trace_reader.h"
#include "base/encoding.h"

namespace keywright::app {
namespace {

// Keeps the settings of one platform, and sends nothing.
class KeptForwarding final : public TraceForwarding {
 public:
  Result<std::optional<Forwarding>> find(domain::PlatformId) override { return kept; }
  Result<ForwardingState> state(domain::PlatformId) override { return ForwardingState{}; }
  Result<void> put(const Forwarding& forwarding) override {
    kept = forwarding;
    stored += json::encode(forwarding);
    return {};
  }
  Result<void> remove(domain::PlatformId) override {
    kept.reset();
    return {};
  }
  Result<DeadTracePage> dead_letters(domain::PlatformId, std::string_view, int) override {
    return DeadTracePage{};
  }
  Result<std::int64_t> redrive(domain::PlatformId, const std::optional<std::string>&) override {
    return 0;
  }
  void test(domain::PlatformId, std::function<void(Result<ForwardingTest>)> done) override {
    ForwardingTest arrived;
    arrived.delivered = true;
    done(arrived);
  }

  std::optional<Forwarding> kept;
  std::string stored;
};

class NoTraces final : public TraceReader {
 public:
  Result<TracePage> list_traces(const TraceQuery&) override { return TracePage{}; }
  Result<std::optional<Trace>> get_trace(domain::ProjectId, std::string_view,
                                         const SpanPage&) override {
    return std::optional<Trace>(Trace());
  }
  Result<bool> delete_trace(domain::ProjectId, std::string_view) override { return true; }
  Result<UnroutedReport> unrouted(domain::ProjectId) override { return UnroutedReport(); }
  TraceForwarding* forwarding() override { return &kept; }

  KeptForwarding kept;
};

class AuditOfChanges : public testing::Test {
 protected:
  // Calls it, gives a POST an Idempotency-Key of its own, and keeps the secrets that it shows.
  Answer done(std::string_view operation, std::string_view token, std::string_view body = "",
              const Harness::Parameters& parameters = {}) {
    const Operation* described = find_operation(operation);
    Harness::Options options;
    if (described->method == "POST" && described->is_change) {
      options.idempotency_key = "key-" + std::to_string(answers.size());
      answers.push_back(options.idempotency_key);
    }
    Answer answer = h.call(operation, token, body, parameters, options);
    EXPECT_TRUE(answer.ok()) << operation << ": " << answer.error().detail();
    for (const char* field : {"key", "token", "csrf_token", "secret"}) keep(answer.text(field));
    for (const char* field : {"invite_url", "reset_url"}) {
      const std::string url = answer.text(field);
      if (url.find('=') != std::string::npos) keep(url.substr(url.find('=') + 1));
    }
    keep(answer.reply().session_token.reveal());
    called.insert(std::string(operation));
    return answer;
  }
  void keep(const std::string& secret) {
    if (!secret.empty() && secret != "null") secrets.insert(secret);
  }
  std::string make(std::string_view operation, std::string_view body,
                   const Harness::Parameters& parameters = {}) {
    return done(operation, h.owner, body, parameters).text("id");
  }
  void on(std::string_view operation, const std::string& id, std::string_view body = "") {
    done(operation, h.owner, body, {{"id", id}});
  }

  void change_people();
  void change_things();
  void change_keys();
  void change_sessions();

  Harness h;
  NoTraces traces;
  std::set<std::string> secrets{std::string(kTestPassword), "a new long password",
                                "header-secret-value"};
  std::set<std::string> called;
  std::vector<std::string> answers;  // Idempotency-Keys
};

void AuditOfChanges::change_people() {
  const Answer invited =
      done("users.create", h.owner, R"({"email":"ann@acme.test","role":"member"})");
  const std::string url = invited.text("invite_url");
  done("invitations.accept", "",
       "{\"token\":\"" + url.substr(url.find('=') + 1) +
           "\",\"password\":\"a new long password\",\"name\":\"Ann\"}");
  on("users.update", invited.text("id"), R"({"role":"admin"})");
  const std::string reset =
      done("users.reset_link", h.owner, "", {{"id", invited.text("id")}}).text("reset_url");
  done("password_resets.complete", "",
       "{\"token\":\"" + reset.substr(reset.find('=') + 1) +
           "\",\"password\":\"a new long password\"}");
  on("users.delete", invited.text("id"));
  const std::string other = make("organizations.create", R"({"name":"Other"})");
  on("organizations.update", other, R"({"name":"Another"})");
  on("organizations.delete", other);
}

void AuditOfChanges::change_things() {
  const std::string project = make("projects.create", R"({"name":"p"})");
  on("projects.update", project, R"({"name":"q"})");
  const std::string platform =
      make("platforms.create", R"({"name":"f","type":"n8n"})", {{"project_id", project}});
  const Harness::Parameters both{{"project_id", project}, {"id", platform}};
  done("platforms.update", h.owner, R"({"name":"g"})", both);
  const std::string webhook = R"({"type":"webhook","url":"https://hooks.example.com/traces",)";
  on("forwarding.set", platform, webhook + R"("headers":{"X-Token":"header-secret-value"}})");
  on("forwarding.rotate_secret", platform, R"({"overlap_seconds":60})");
  on("forwarding.redrive", platform);
  on("forwarding.delete", platform);
  done("traces.delete", h.owner, "",
       {{"project_id", project}, {"id", "019a0000-0000-7000-8000-000000000001"}});
  done("platforms.delete", h.owner, "", both);
  on("projects.delete", project);
  const std::string target =
      make("targets.create", R"({"name":"t","url":"https://t.example.com"})");
  on("targets.update", target, R"({"name":"u"})");
  on("targets.delete", target);
  const std::string headers = R"("headers":{"X-Token":"header-secret-value"}})";
  const std::string server =
      make("mcp_servers.create", R"({"name":"m","url":"https://m.example.com",)" + headers);
  on("mcp_servers.update", server, R"({"enabled":false,)" + headers);
  const std::string registry = make(
      "registries.create", R"({"name":"r","everyone":true,"mcp_server_ids":[")" + server + "\"]}");
  on("registries.update", registry, R"({"name":"s"})");
  on("registries.delete", registry);
  on("mcp_servers.delete", server);
  const std::string service =
      make("services.create",
           R"({"name":"s","slug":"s","upstream_url":"https://s.example.com",)" + headers);
  on("services.update", service, R"({"name":"t",)" + headers);
  on("services.delete", service);
}

void AuditOfChanges::change_keys() {
  const std::string keyspace = make("keyspaces.create", R"({"name":"k","prefix":"acme_"})");
  on("keyspaces.update", keyspace, R"({"name":"l"})");
  const std::string customer =
      R"("owner":{"type":"external","id":"c"},"keyspace_id":")" + keyspace + "\"";
  const std::string key = make("keys.create", R"({"kind":"customer","name":"n",)" + customer + "}");
  on("keys.update", key, R"({"permissions":["a.b"]})");
  on("keys.rotate", key, R"({"overlap_seconds":60})");
  on("keys.finish_rotation", key, R"({"number":1})");
  on("keys.disable", key);
  on("keys.enable", key);
  on("keys.revoke", key, R"({"reason":"over"})");
  const std::string hash = encode_hex(crypto::sha256("imported-token"));
  keep("imported-token");
  done("keys.import", h.owner,
       R"({"items":[{"kind":"customer","name":"i","algorithm":"sha256","hash":")" + hash + "\"," +
           customer + "}]}");
  for (const char* kind : {"access", "account", "connect"}) {
    const bool scoped = std::string_view(kind) == "connect";
    on("keys.delete", make("keys.create", "{\"kind\":\"" + std::string(kind) + "\",\"name\":\"n\"" +
                                              (scoped ? ",\"scope\":{\"all\":true}}" : "}")));
  }
  const Answer own = done("keys.create", h.owner, R"({"kind":"access","name":"n"})");
  done("whoami.revoke", own.text("key"));
  on("keyspaces.delete", keyspace);
}

void AuditOfChanges::change_sessions() {
  const std::string sign_in = "{\"email\":\"owner@acme.test\",\"password\":\"" +
                              std::string(kTestPassword) + "\",\"transport\":\"bearer\"}";
  const Answer second = done("session.create", "", sign_in);
  const std::string newest = h.call("sessions.list", h.owner).text("items.0.id");
  on("sessions.delete", newest);
  done("session.create", "", sign_in);
  done("sessions.delete_others", h.owner);
  const std::string third = done("session.create", "", sign_in).text("token");
  done("session.delete", third);
  done("me.update", h.owner,
       "{\"name\":\"New Name\",\"current_password\":\"" + std::string(kTestPassword) +
           "\",\"password\":\"a new long password\"}");
  h.call("session.create", "", R"({"email":"owner@acme.test","password":"not-the-password"})");
  secrets.insert("not-the-password");
}

TEST_F(AuditOfChanges, EachHasItsEventAndNothingStoredHoldsASecret) {
  h.app.traces = &traces;
  keep(h.owner);
  change_people();
  change_things();
  change_keys();
  change_sessions();
  ASSERT_TRUE(h.change([](Change&) -> Result<void> { return {}; }));  // after what was posted

  std::set<std::string> told;
  const auto expect_no_secret = [&](const std::string& text, const std::string& where) {
    for (const std::string& secret : secrets) {
      EXPECT_EQ(text.find(secret), std::string::npos) << where << ": " << text;
    }
  };
  bool refusal_told = false;
  for (const domain::AuditEvent& event : h.events()) {
    told.insert(event.action);
    expect_no_secret(domain::canonical_form(event), "event");
    EXPECT_FALSE(event.id.is_nil());
    EXPECT_FALSE(event.organization_id.is_nil()) << event.action;
    EXPECT_TRUE(event.outcome == "success" || event.outcome == "denied") << event.action;
    refusal_told |= event.action == "session.create" && event.outcome == "denied";
  }
  EXPECT_TRUE(refusal_told);
  EXPECT_TRUE(h.store.verify_audit()->intact);
  for (const Operation& operation : all_operations()) {
    if (!operation.is_change) continue;
    EXPECT_TRUE(called.contains(std::string(operation.name)))
        << operation.name << " is a change that this test does not make yet";
    EXPECT_TRUE(told.contains(std::string(operation.name))) << operation.name << " left no event";
  }
  for (const char* operation :
       {"session.create", "invitations.accept", "password_resets.complete"}) {
    EXPECT_TRUE(told.contains(operation)) << operation;
  }

  const std::string owner = "user:" + h.user_id("owner@acme.test");
  std::size_t found = 0;
  for (const std::string& key : answers) {
    const auto answer = h.store.find_idempotent(owner, key);
    if (!answer || !*answer) continue;
    ++found;
    expect_no_secret((*answer)->body, "idempotent answer");
  }
  EXPECT_GE(found + 1, answers.size());  // one was a key's own
  for (int type = 0; type <= static_cast<int>(store::RecordType::ticket); ++type) {
    const auto records = h.store.list_records({static_cast<store::RecordType>(type)}, {1000, ""});
    for (const store::Record& record : records->items) expect_no_secret(record.body, "record");
  }
  expect_no_secret(traces.kept.stored, "forwarding");
  EXPECT_GT(secrets.size(), 20u);
}

TEST_F(AuditOfChanges, AnUpdateTellsWhatWasBeforeAndAfter) {
  const std::string project = make("projects.create", R"({"name":"before"})");
  on("projects.update", project, R"({"name":"after"})");
  const domain::AuditEvent event = h.events().back();
  EXPECT_EQ(event.action, "projects.update");
  EXPECT_EQ(event.actor.type, "user");
  EXPECT_EQ(event.actor.id, h.user_id("owner@acme.test"));
  EXPECT_EQ(event.object.id, project);
  EXPECT_EQ(event.object.name, "after");
  EXPECT_EQ(event.request_id, "req_test");
  EXPECT_EQ(event.address, "192.0.2.10");
  EXPECT_EQ(event.details.view(), R"({"changed":{"name":{"before":"before","after":"after"}}})");
  const std::size_t events = h.events().size();
  on("projects.update", project, R"({"name":"after"})");
  EXPECT_EQ(h.events().size(), events);  // nothing changed, nothing to tell
}

TEST_F(AuditOfChanges, ARefusedChangeLeavesNoSuccess) {
  const std::string viewer = h.sign_up("v@acme.test", "viewer");
  const std::size_t events = h.events().size();
  EXPECT_EQ(h.call("projects.create", viewer, R"({"name":"p"})").status(), 403);
  EXPECT_EQ(h.events().size(), events);
}

TEST_F(AuditOfChanges, TheLogIsFilteredByActionActorAndKey) {
  const Answer key = done("keys.create", h.owner, R"({"kind":"access","name":"n"})");
  done("projects.create", key.text("key"), R"({"name":"p"})");
  on("keys.revoke", key.text("id"));
  const auto count = [&](const Harness::Parameters& parameters) {
    return h.call("audit_events.list", h.owner, "", parameters).size("items");
  };
  EXPECT_EQ(count({{"action", "keys.create"}}), 1u);
  EXPECT_EQ(count({{"action", "keys.*"}}), 2u);
  EXPECT_EQ(count({{"key_id", key.text("id")}}), 3u);
  EXPECT_EQ(count({{"key_id", key.text("id")}, {"action", "projects.create"}}), 1u);
  EXPECT_EQ(count({{"actor", "nobody"}}), 0u);
}

}  // namespace
}  // namespace keywright::app
