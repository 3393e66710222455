// Presented tokens: whatever they are, reading their shape and deciding on them never crashes, a
// token that nobody has opens nothing, and shape and decision agree.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "domain/keys/decide.h"
#include "domain/keys/fake_records.h"
#include "domain/keys/token.h"

namespace keywright::domain {
namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void shape_is_consistent(std::string_view token) {
  const ReadToken read = read_token(shipped_kinds(), token);
  if (token.empty() || token.size() > kTokenCharactersMax) {
    expect(read.form == TokenForm::malformed, "a token of no possible length is malformed");
  }
  if (read.kind) {
    expect(token.starts_with(read.kind->prefix), "the hint is the kind of the prefix");
  }
  if (read.form != TokenForm::recognised) return;
  for (char c : token) expect(c > ' ' && c <= '~', "recognised tokens are visible ASCII");
  expect(read_token(shipped_kinds(), token.substr(1)).kind != read.kind || !read.kind,
         "a token without its first character is not of its kind");
}

void nobody_gets_in(std::string_view token, FakeRecords& records) {
  for (bool foreign : {false, true}) {
    for (bool explain : {false, true}) {
      records.foreign_tokens = foreign;
      const Ask ask{.audience = Audience::rest, .explain = explain};
      const Decision decision = decide(token, ask, records, Time{});
      const bool recognised = read_token(shipped_kinds(), token).form == TokenForm::recognised;
      expect(decision.outcome == (recognised ? Outcome::not_found : Outcome::malformed),
             "an unknown token is not found if its form is one of ours, else malformed");
      expect(decision.key == nullptr, "an unknown token has no key");
      expect(decision.failed.size() == (explain ? 1u : 0u), "explain tells the one reason");
    }
  }
}

}  // namespace
}  // namespace keywright::domain

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static keywright::domain::FakeRecords records;
  const std::string_view token(reinterpret_cast<const char*>(data), size);
  keywright::domain::shape_is_consistent(token);
  keywright::domain::nobody_gets_in(token, records);
  return 0;
}
