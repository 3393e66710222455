#include "app/keys.h"
#include "app/operations.h"
#include "app/usage_history.h"

namespace keywright::app {
namespace {

struct GetKeyUsage {
  std::string id;
  std::optional<Time> from;
  std::optional<Time> to;
  std::optional<UsageStep> step;
};
KW_DESCRIBE(GetKeyUsage, field<&GetKeyUsage::id>("id", "Id of the key.", in_path),
            field<&GetKeyUsage::from>("from",
                                      "From the step that holds this time. Left out: 24 hours "
                                      "before `to`; 30 days, if steps are days.",
                                      in_query),
            field<&GetKeyUsage::to>("to",
                                    "Until this time. Left out: until the end of the step that "
                                    "is running.",
                                    in_query),
            field<&GetKeyUsage::step>("step", "How long a step is, in UTC; hour if left out.",
                                      in_query))

Task<Result<UsageReport>> get_key_usage(App& app, Call& call, GetKeyUsage input) {
  KW_CO_CHECK_OK(check_key_manager(app.directory, call));
  const auto id = domain::KeyId::parse(input.id);
  if (!id) co_return fail(not_found("key"));
  auto find = [&] { return app.store.get_key(*id); };
  KW_CO_TRY(auto key, co_await app.readers.run(find));
  if (!key) co_return fail(not_found("key"));
  KW_CO_CHECK_OK(may_act(app.directory, call, *key, KeyAct::read));
  if (app.usage == nullptr) {
    co_return fail(Error(Code::unavailable, "usage_off", "This server keeps no counts of keys."));
  }
  KW_CO_TRY(const UsageWindow window,
            usage_window(input.from, input.to, input.step.value_or(UsageStep::hour), call.now));
  auto count = [&] { return app.usage->report(key->serial, window); };
  auto report = co_await app.readers.run(count);
  KW_CO_CHECK_OK(may_act(app.directory, call, *key, KeyAct::read));
  co_return report;
}

}  // namespace

void add_key_usage_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&get_key_usage>(
      {.name = "keys.usage",
       .method = "GET",
       .path = "/keys/{id}/usage",
       .summary = "See how often a key was used",
       .tag = "Keys",
       .admits = Admits::key_managers,
       .permission = "keys:read",
       .description = "How often the key was let in, and how often refused and why, by minute, "
                      "hour or day. A second passes until a use is counted. Minutes are kept for "
                      "26 hours, hours for 35 days, days for two years; at most 1,500 steps in "
                      "one answer."}));
}

}  // namespace keywright::app
