// cli/render.h - values of an answer as cells and records.
//
//   cell(value, "expires_at", {.for_people = true, .now = now})     // "in 3 days"
//   std::string text = record(document.root(), fields, view);       // one line for each field
//
// For people, times are relative ("2 hours ago") and nothing is "-"; for programs times stay
// RFC 3339, nothing is an empty cell, and objects are JSON. A scope is "all" or its ids, a
// reference {type, id, name} "name (type)" or type:id, a list its items with commas between them.
//
// Threading: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cli/table.h"
#include "json/document.h"

namespace keywright::cli {

struct View {
  bool for_people = false;
  Time now{};
  std::size_t width = 80;
  Style label{};  // of the names in a record
};

// "in 3 days", "2 hours ago", "now"; past five years the date.
std::string relative_time(Time at, Time now);

std::string cell(const json::Value& value, std::string_view field, const View& view);

// "expires_at" -> "Expires at", for headings and labels.
std::string title(std::string_view field);

// `Label: value` for people; `field<TAB>value` for programs. Fields that are absent are left out,
// and for people those that are null as well.
std::string record(const json::Value& object, const std::vector<std::string>& fields,
                   const View& view);

}  // namespace keywright::cli
