// graphql/fault.h - one thing that is wrong with a document, its variables or a field.
//
//   faults.push_back({.message = "Unknown fragment \"x\".", .at = {spread.name.at}});
//   write_fault(out, faults.front(), document_text);
//   // {"message":"...","locations":[{"line":1,"column":3}],"extensions":{"code":"INVALID"}}
//
// Shapes: `at` counts bytes from the start of the document; lines and columns are worked out only
// when a fault is written. They count from 1, and columns count UTF-16 units, as JavaScript does.
//
// Threading: plain values. Cost: locate() reads the document up to the place.
// Source: GraphQL specification, section 7.1.2 (Errors).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keywright::graphql {

struct Location {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

Location locate(std::string_view text, std::uint32_t offset);

inline constexpr std::string_view kInvalid = "INVALID";

struct Fault {
  std::string message;
  std::vector<std::uint32_t> at = {};
  std::string path = {};  // of the field, as JSON: ["viewer","memberships",0]
  std::string_view code = kInvalid;
  std::string field = {};  // the input field that is wrong: "expiresAt"
};

void write_fault(std::string& out, const Fault& fault, std::string_view text);

// {"errors":[...]} and nothing else: the answer to a request that was not executed.
void write_refusal(std::string& out, const std::vector<Fault>& faults, std::string_view text);

}  // namespace keywright::graphql
