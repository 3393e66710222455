#include "app/harness_test.h"

#include <charconv>

#include <gtest/gtest.h>

#include "app/organizations.h"
#include "json/document.h"
#include "json/writer.h"

namespace keywright::app {
namespace {

std::optional<domain::Audience> audience_of(Admits admits) {
  switch (admits) {
    case Admits::callers:
    case Admits::key_managers: return domain::Audience::rest;
    case Admits::me: return domain::Audience::me;
    default: return std::nullopt;
  }
}

// The value at a path of keys and indexes.
std::optional<json::Value> at_path(json::Value value, std::string_view path) {
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string_view step = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    std::optional<json::Value> next = value.find(step);
    if (value.kind() == json::ValueKind::array) {
      std::size_t index = 0;
      std::from_chars(step.data(), step.data() + step.size(), index);
      for (const json::Value item : value.items()) {
        if (index-- == 0) next = item;
      }
    }
    if (!next) return std::nullopt;
    value = *next;
  }
  return value;
}

Task<void> run_into(Task<Result<std::string>> task, std::promise<Result<std::string>>& done) {
  auto result = co_await std::move(task);
  done.set_value(std::move(result));
}

Settings test_settings() {
  Settings settings;
  settings.public_url = "https://keys.acme.test";
  settings.version = "test";
  return settings;
}

}  // namespace

IoThread::IoThread(std::function<void()> idle)
    : idle_(std::move(idle)), thread_([this] { loop(); }) {}

void IoThread::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void IoThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void IoThread::loop() {
  set_current(this);
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      if (!idle_) wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty() && stopping_) return;
      if (!queue_.empty()) {
        work = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (work) work();
    if (!work && idle_) idle_();
  }
}

HeldWriter::HeldWriter(Committer& committer) {
  committer.post([latches = latches_](Change&) -> Result<void> {
    latches->entered.count_down();
    latches->leave.wait();
    return {};
  });
  latches_->entered.wait();
}

HeldWriter::~HeldWriter() { latches_->leave.count_down(); }

Answer StartedCall::get() {
  auto body = state_->done.get_future().get();
  return {std::move(body), std::move(state_->call.reply)};
}

int Answer::status() const {
  if (ok()) return reply_.status != 0 ? reply_.status : 200;
  switch (error().code()) {
    case Code::invalid_argument: return 400;
    case Code::unauthenticated: return 401;
    case Code::permission_denied: return 403;
    case Code::not_found: return 404;
    case Code::conflict: return 409;
    case Code::precondition_failed: return 412;
    case Code::unprocessable: return 422;
    case Code::rate_limited: return 429;
    case Code::unavailable: return 503;
    case Code::storage_full: return 507;
    default: return 500;
  }
}

std::string Answer::text(std::string_view path) const {
  if (!ok()) return "";
  const auto document = json::Document::parse(*body_);
  const auto value = document ? at_path(document->root(), path) : std::nullopt;
  if (!value) return "";
  if (const auto text = value->as_string()) return std::string(*text);
  std::string out;
  json::Writer writer(out);
  value->write(writer);
  return out;
}

std::size_t Answer::size(std::string_view path) const {
  if (!ok()) return 0;
  const auto document = json::Document::parse(*body_);
  const auto value = document ? at_path(document->root(), path) : std::nullopt;
  return value ? value->size() : 0;
}

std::unique_ptr<UsageFile> test_usage_file() { return std::move(*UsageFile::open("")); }

Harness::Harness()
    : keyring(crypto::Keyring::generate(clock, random)),
      directory(keyring, test_usage_file(), clock.now()),
      settings(test_settings()),
      committer(ChangeTools{directory, store, random, ids, settings}, clock, barrier),
      app{directory, committer, store,       readers,    hashing, clock,
          random,    throttle,  slow_hashes, setup_link, settings} {
  use_password_cost(crypto::PasswordCost::lowest_for_tests());
  const Secret<std::string> password{std::string(kTestPassword)};
  const std::string hash = password_hasher().hash(password)->encoded;
  const auto made = change([&](Change& change) -> Result<void> {
    KW_TRY(const auto first, set_up(change, "Acme", {"owner@acme.test", "Owner", hash, false}));
    organization = first.organization;
    return {};
  });
  EXPECT_TRUE(made.has_value());
  owner = sign_in("owner@acme.test");
}

Harness::~Harness() { committer.stop(); }

StartedCall Harness::start(std::string_view name, std::string_view token, std::string_view body,
                           const Parameters& parameters, const Options& options) {
  StartedCall started;
  auto& state = *started.state_;
  Call& call = state.call;
  call.operation = find_operation(name);
  if (call.operation == nullptr) std::abort();
  call.now = clock.now();
  call.request_id = "req_test";
  call.user_agent = "harness";
  call.idempotency_key = options.idempotency_key;
  call.if_match = options.if_match;
  if (auto admitted = admit_to(call, token, options.address); !admitted) {
    state.done.set_value(fail(admitted.error()));
    return started;
  }
  state.values = parameters;
  state.body = body;
  state.path = call.operation->path;
  for (const auto& [field, value] : state.values) {
    const json::Field* described = call.operation->input->find(field);
    state.parameters.push_back({field, value, described ? described->place : json::Place::query});
    state.path += "/" + value;
  }
  const Arguments arguments{state.parameters, state.body, state.path};
  if (call.operation->look != nullptr) {
    std::string out;
    const auto looked = call.operation->look(app, call, arguments, out);
    if (looked || looked.error().reason() != kTryRun) {
      state.done.set_value(looked ? Result<std::string>(std::move(out)) : fail(looked.error()));
      return started;
    }
  }
  start_detached(run_into(call.operation->run(app, call, arguments), state.done));
  return started;
}

Result<void> Harness::admit_to(Call& call, std::string_view token, const std::string& address) {
  call.caller.address = *IpAddress::parse(address);
  const Admits admits = call.operation->admits;
  if (admits == Admits::anyone) return {};
  KW_TRY(call.caller, admit(directory, {domain::Carrier::bearer, token, false}, audience_of(admits),
                            *IpAddress::parse(address), call.now));
  if (admits == Admits::people && call.caller.is_key()) {
    return fail(Code::permission_denied, "wrong_key_kind", "A key, where people come.");
  }
  return {};
}

std::string Harness::sign_up(const std::string& email, const std::string& role) {
  create("users.create", owner,
         "{\"email\":\"" + email + "\",\"role\":\"" + role + "\",\"password\":\"" +
             std::string(kTestPassword) + "\"}");
  return sign_in(email);
}

std::string Harness::sign_in(const std::string& email, std::string_view password) {
  return call("session.create", "",
              "{\"email\":\"" + email + "\",\"password\":\"" + std::string(password) +
                  "\",\"transport\":\"bearer\"}")
      .text("token");
}

std::string Harness::user_id(std::string_view email) const {
  const domain::User* user = directory.find_user_by_email(email);
  return user == nullptr ? "" : user->id.to_string();
}

std::string Harness::create(std::string_view operation, std::string_view token,
                            std::string_view body, const Parameters& parameters) {
  const Answer made = call(operation, token, body, parameters);
  EXPECT_TRUE(made.ok()) << operation << ": " << made.error().detail();
  return made.text("id");
}

Answer Harness::verify(std::string_view caller, std::string_view token, std::string_view more) {
  return call("keys.verify", caller,
              "{\"key\":\"" + std::string(token) + "\"" + std::string(more) + "}");
}

std::string Harness::code_of(std::string_view token, std::string_view more) {
  return verify(owner, token, more).text("code");
}

std::vector<domain::AuditEvent> Harness::events() {
  std::vector<domain::AuditEvent> all;
  store::Page page{1000, ""};
  while (true) {
    auto found = store.list_audit({}, page);
    for (auto& event : found->items) all.insert(all.begin(), std::move(event));
    if (found->next.empty()) return all;
    page.after = found->next;
  }
}

}  // namespace keywright::app
