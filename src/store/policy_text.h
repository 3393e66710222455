// store/policy_text.h - a key's policy as the text that a store keeps.
//
//   std::string text = policy_text(key.policy);         // "" for a policy that narrows nothing
//   KW_TRY(domain::Policy same, read_policy_text(text));
//
// Equal policies give equal texts, so a reader may parse each text once (PolicyReader): a million
// keys share a few hundred policies. Strings are UTF-8, as everywhere in JSON.
//
// Errors: those of json/codec.h; nothing that a row holds crashes the reader.
// Threading: functions are pure; a PolicyReader belongs to one thread.
// Cost: a few microseconds for a text not seen before, one look-up and one copy for the others.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "domain/keys/key.h"

namespace keywright::store {

std::string policy_text(const domain::Policy& policy);
Result<domain::Policy> read_policy_text(std::string_view text);

class PolicyReader {
 public:
  Result<domain::Policy> read(std::string_view text);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, domain::Policy, Hash, std::equal_to<>> seen_;
};

}  // namespace keywright::store
