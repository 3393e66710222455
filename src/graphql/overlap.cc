// Fields that answer under one name must be the same field with the same arguments, or belong to
// objects that can never be the same one; and their types must look alike.
#include <map>
#include <set>

#include <fmt/format.h>

#include "graphql/validation.h"

namespace keywright::graphql {
namespace {

// More comparisons than any sensible document needs.
constexpr std::size_t kComparisonsMax = 200'000;
// Deeper than any document that passed check_size(), unless a fragment holds itself: that one is
// refused for it.
constexpr std::size_t kDepthMax = 64;

struct Conflict {
  std::string_view name;
  std::string reason;
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> second;
};

using Fields = std::vector<std::pair<std::string_view, std::vector<const Selection*>>>;

bool same_value(const ValueNode& a, const ValueNode& b) {
  if (a.kind != b.kind || a.text != b.text) return false;
  if (a.kind == ValueKind::list) {
    if (a.items.size() != b.items.size()) return false;
    auto other = b.items.begin();
    for (const ValueNode& item : a.items) {
      if (!same_value(item, *other)) return false;
      ++other;
    }
  }
  if (a.kind == ValueKind::object) {
    if (a.fields.size() != b.fields.size()) return false;
    for (const ObjectFieldNode& field : a.fields) {
      const ObjectFieldNode* found = nullptr;
      for (const ObjectFieldNode& other : b.fields) {
        if (other.name.text == field.name.text) found = &other;
      }
      if (found == nullptr || !same_value(*field.value, *found->value)) return false;
    }
  }
  return true;
}

bool same_arguments(const Selection& a, const Selection& b) {
  if (a.arguments.size() != b.arguments.size()) return false;
  for (const ArgumentNode& argument : a.arguments) {
    const ArgumentNode* found = nullptr;
    for (const ArgumentNode& other : b.arguments) {
      if (other.name.text == argument.name.text) found = &other;
    }
    if (found == nullptr || !same_value(*argument.value, *found->value)) return false;
  }
  return true;
}

bool types_conflict(const Type& a, const Type& b) {
  if (&a == &b) return false;
  if (a.is_list() || b.is_list() || a.is_non_null() || b.is_non_null()) {
    return a.kind != b.kind || types_conflict(*a.of, *b.of);
  }
  return a.is_leaf() || b.is_leaf();
}

const Type* type_of(const Selection& field) {
  const bool known = field.definition != nullptr && !field.name.text.starts_with("__");
  return known ? field.definition->type : nullptr;
}

class Overlaps {
 public:
  explicit Overlaps(Validation& validation) : validation_(validation) {}

  void check(const SelectionSet& set) {
    if (exhausted_) return;
    Fields fields;
    std::set<const FragmentNode*> visited;
    collect(set, fields, visited);
    for (const auto& [name, same_name] : fields) {
      for (std::size_t i = 0; i < same_name.size(); ++i) {
        for (std::size_t j = i + 1; j < same_name.size(); ++j) {
          auto conflict = compare(*same_name[i], *same_name[j], false);
          if (conflict && reported_.insert({same_name[i], same_name[j]}).second) report(*conflict);
          if (exhausted_) return;
        }
      }
    }
    check_below(set);
  }

 private:
  // Selections of inline fragments belong to what stands around them.
  void check_below(const SelectionSet& set) {
    for (const Selection& selection : set.items) {
      if (selection.selections == nullptr) continue;
      if (selection.kind == SelectionKind::field) {
        check(*selection.selections);
      } else {
        check_below(*selection.selections);
      }
    }
  }

  // The fields of the set itself come before those of the fragments that it spreads.
  void collect(const SelectionSet& set, Fields& fields, std::set<const FragmentNode*>& visited) {
    std::vector<const FragmentNode*> spreads;
    collect_own(set, fields, spreads);
    for (const FragmentNode* fragment : spreads) {
      if (visited.insert(fragment).second) collect(*fragment->selections, fields, visited);
    }
  }

  void collect_own(const SelectionSet& set, Fields& fields,
                   std::vector<const FragmentNode*>& spreads) {
    for (const Selection& selection : set.items) {
      if (selection.kind == SelectionKind::inline_fragment) {
        collect_own(*selection.selections, fields, spreads);
      } else if (selection.kind == SelectionKind::field) {
        add(selection, fields);
      } else if (selection.fragment != nullptr) {
        spreads.push_back(selection.fragment);
      }
    }
  }

  void add(const Selection& field, Fields& fields) {
    const std::string_view name = field.response_name();
    spend(fields.size() / 8);
    for (auto& [known, same_name] : fields) {
      if (known == name) return same_name.push_back(&field);
    }
    fields.push_back({name, {&field}});
  }

  void spend(std::size_t comparisons) {
    spent_ += comparisons;
    if (spent_ <= kComparisonsMax || exhausted_) return;
    exhausted_ = true;
    validation_.report("Too many fields have the same name to tell whether they can be merged.",
                       {});
  }

  void report(const Conflict& conflict) {
    std::vector<std::uint32_t> at = conflict.first;
    at.insert(at.end(), conflict.second.begin(), conflict.second.end());
    validation_.report(
        fmt::format("Fields \"{}\" conflict because {}. Use different aliases on the fields to "
                    "fetch both if this was intentional.",
                    conflict.name, conflict.reason),
        std::move(at));
  }

  // `exclusive`: no object has both, so that only their shapes must be alike.
  std::optional<Conflict> compare(const Selection& a, const Selection& b, bool exclusive) {
    if (&a == &b) return std::nullopt;
    spend(1);
    if (exhausted_) return std::nullopt;
    const bool apart = a.parent != b.parent && a.parent != nullptr && b.parent != nullptr &&
                       a.parent->kind == TypeKind::object && b.parent->kind == TypeKind::object;
    exclusive = exclusive || apart;
    const auto known = harmless_.find({&a, &b});
    if (known != harmless_.end() && (exclusive || !known->second)) return std::nullopt;
    const auto conflict = [&](std::string reason) {
      return Conflict{a.response_name(), std::move(reason), {a.at}, {b.at}};
    };
    if (!exclusive && a.name.text != b.name.text) {
      return conflict(
          fmt::format("\"{}\" and \"{}\" are different fields", a.name.text, b.name.text));
    }
    if (!exclusive && !same_arguments(a, b)) return conflict("they have differing arguments");
    const Type* first = type_of(a);
    const Type* second = type_of(b);
    if (first != nullptr && second != nullptr && types_conflict(*first, *second)) {
      return conflict(fmt::format("they return conflicting types \"{}\" and \"{}\"",
                                  first->to_string(), second->to_string()));
    }
    // Until the opposite is known: fragments that lead back to themselves would never end.
    harmless_[{&a, &b}] = exclusive;
    if (depth_ == kDepthMax) return std::nullopt;
    ++depth_;
    auto below = compare_below(a, b, exclusive);
    --depth_;
    if (below) harmless_.erase({&a, &b});
    return below;
  }

  std::optional<Conflict> compare_below(const Selection& a, const Selection& b, bool exclusive) {
    if (a.selections == nullptr || b.selections == nullptr) return std::nullopt;
    Fields first;
    Fields second;
    std::set<const FragmentNode*> visited_first;
    std::set<const FragmentNode*> visited_second;
    collect(*a.selections, first, visited_first);
    collect(*b.selections, second, visited_second);
    Conflict all{a.response_name(), "", {a.at}, {b.at}};
    for (const auto& [name, fields] : first) {
      for (const auto& [other_name, other_fields] : second) {
        if (name != other_name) continue;
        for (const Selection* field : fields) {
          for (const Selection* other : other_fields) {
            auto conflict = compare(*field, *other, exclusive);
            if (conflict) join(all, *conflict);
          }
        }
      }
    }
    if (all.reason.empty()) return std::nullopt;
    return all;
  }

  static void join(Conflict& all, const Conflict& one) {
    constexpr std::size_t kReasonMax = 1000;
    if (all.reason.size() > kReasonMax) return;
    all.reason += fmt::format("{}subfields \"{}\" conflict because {}",
                              all.reason.empty() ? "" : " and ", one.name, one.reason);
    all.first.insert(all.first.end(), one.first.begin(), one.first.end());
    all.second.insert(all.second.end(), one.second.begin(), one.second.end());
  }

  using Pair = std::pair<const Selection*, const Selection*>;

  Validation& validation_;
  std::map<Pair, bool> harmless_;  // known not to conflict; true: only if exclusive
  std::set<Pair> reported_;
  std::size_t spent_ = 0;
  std::size_t depth_ = 0;
  bool exhausted_ = false;
};

bool has_company(const DocumentNode& document) {
  std::vector<const SelectionSet*> open;
  for (const OperationNode& operation : document.operations) open.push_back(operation.selections);
  for (const FragmentNode& fragment : document.fragments) open.push_back(fragment.selections);
  std::vector<std::string_view> names;
  while (!open.empty()) {
    const SelectionSet* set = open.back();
    open.pop_back();
    names.clear();
    for (const Selection& selection : set->items) {
      if (selection.kind != SelectionKind::field) return true;
      if (selection.selections != nullptr) open.push_back(selection.selections);
      for (std::string_view name : names) {
        if (name == selection.response_name()) return true;
      }
      names.push_back(selection.response_name());
    }
  }
  return false;
}

}  // namespace

void check_overlaps(Validation& validation) {
  const DocumentNode& document = validation.document;
  if (!has_company(document)) return;
  Overlaps overlaps(validation);
  for (const OperationNode& operation : document.operations) overlaps.check(*operation.selections);
  for (const FragmentNode& fragment : document.fragments) overlaps.check(*fragment.selections);
}

}  // namespace keywright::graphql
