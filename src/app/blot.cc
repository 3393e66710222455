#include "app/blot.h"

#include <algorithm>

#include "app/sessions.h"
#include "domain/keys/kinds.h"
#include "domain/keys/token.h"

namespace keywright::app {
namespace {

constexpr std::string_view kBlot = "(a token)";
// No token is shorter, but for those in parts that one of these divides: connect keys of other
// systems, and JWTs.
constexpr std::size_t kShortestSecret = 16;
constexpr std::string_view kDividers = "-.";

}  // namespace

bool looks_like_a_token(std::string_view text) {
  if (text.starts_with(kSessionPrefix)) return true;
  if (text.size() < kShortestSecret && text.find_first_of(kDividers) == std::string_view::npos) {
    return false;
  }
  return domain::read_token(domain::shipped_kinds(), text).form == domain::TokenForm::recognised;
}

std::string blotted(std::string_view name) {
  if (looks_like_a_token(name)) return std::string(kBlot);
  return std::string(name.substr(0, kShownNameMax));
}

std::string blotted_path(std::string_view path) {
  std::string shown;
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    shown += looks_like_a_token(segment) ? kBlot : segment;
    if (end == path.size()) return shown;
    shown += '/';
    path.remove_prefix(end + 1);
  }
}

}  // namespace keywright::app
