#include "cli/usage_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/answer.h"
#include "cli/api_run.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text_width.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kBarWidth = 30;
constexpr std::size_t kAllShown = 48;  // steps of which empty ones are shown, too

struct Step {
  std::string at;
  std::int64_t accepted = 0;
  std::int64_t refused = 0;
  std::string why;
};

// "2026-11-20T13:00:00.000Z" as far as it differs from step to step.
std::string shown_time(const std::string& at, std::string_view step) {
  std::string shown = at.substr(0, step == "day" ? 10 : 16);
  std::ranges::replace(shown, 'T', ' ');
  return shown;
}

std::vector<Step> steps_of(const json::Value& report, bool for_people) {
  std::vector<Step> steps;
  const auto points = report.find("points");
  if (!points || points->kind() != json::ValueKind::array) return steps;
  const bool all = !for_people || points->size() <= kAllShown;
  for (const json::Value& point : points->items()) {
    Step step{text_member(point, "at"), number_member(point, "accepted"), 0, {}};
    const auto refused = point.find("refused");
    if (refused && refused->kind() == json::ValueKind::object) {
      for (const auto& [code, value] : refused->members()) {
        const std::int64_t count = value.as_int64().value_or(0);
        step.refused += count;
        if (!step.why.empty()) step.why += for_people ? ", " : ",";
        step.why += fmt::format("{}{}{}", printable(code), for_people ? " " : "=", count);
      }
    }
    if (all || step.accepted + step.refused > 0) steps.push_back(std::move(step));
  }
  return steps;
}

// What was refused is at its end, in another character.
std::string bar(const Step& step, std::int64_t most) {
  if (most == 0) return {};
  const auto share = [&](std::int64_t count) {
    const auto width = static_cast<std::int64_t>(kBarWidth) * count / most;
    return static_cast<std::size_t>(count > 0 ? std::max<std::int64_t>(width, 1) : 0);
  };
  return std::string(share(step.accepted), '#') + std::string(share(step.refused), 'x');
}

std::string table_of(const std::vector<Step>& steps, std::string_view step_name, const View& view) {
  std::int64_t most = 0;
  for (const Step& step : steps) most = std::max(most, step.accepted + step.refused);
  std::vector<std::string> header{"At", "Accepted", "Refused", "Why"};
  if (view.for_people) header.insert(header.begin() + 1, "");
  Table table(header);
  for (const Step& step : steps) {
    std::vector<std::string> row{view.for_people ? shown_time(step.at, step_name) : step.at,
                                 std::to_string(step.accepted), std::to_string(step.refused),
                                 step.why};
    if (view.for_people) row.insert(row.begin() + 1, bar(step, most));
    table.add(std::move(row));
  }
  return view.for_people ? table.aligned(view.width, view.label) : table.plain();
}

}  // namespace

Outcome run_usage(const ApiCommand& command, Context& context, const Invocation& given) {
  auto answer = fetch(command, context, given);
  if (!answer) return failed(std::move(answer).error());
  Console& console = context.console;
  const json::Value report = answer->document.root();
  if (given.has("json")) {
    print_json(context, given, answer->body);
  } else {
    const View view = view_of(context);
    const std::vector<Step> steps = steps_of(report, view.for_people);
    if (!steps.empty()) console.out(table_of(steps, text_member(report, "step"), view));
    if (!given.has("quiet")) {
      console.err(fmt::format("{} accepted, {} refused by {} from {} to {} UTC.\n",
                              number_member(report, "accepted"), number_member(report, "refused"),
                              text_member(report, "step"),
                              shown_time(text_member(report, "from"), "hour"),
                              shown_time(text_member(report, "to"), "hour")));
    }
  }
  return after_output(context);
}

}  // namespace keywright::cli
