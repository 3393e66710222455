#include "graphql/limits.h"

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/format.h>

namespace keywright::graphql {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::uint64_t add(std::uint64_t a, std::uint64_t b) { return a > kMost - b ? kMost : a + b; }
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kMost / b ? kMost : a * b;
}

struct Size {
  std::uint64_t depth = 0;
  std::uint64_t fields = 0;
  std::uint64_t aliases = 0;
  std::uint64_t root_fields = 0;

  void include(const Size& other) {
    depth = std::max(depth, other.depth);
    fields = add(fields, other.fields);
    aliases = add(aliases, other.aliases);
    root_fields = add(root_fields, other.root_fields);
  }
};

class Measure {
 public:
  explicit Measure(const DocumentNode& document) : document_(document) {}

  Size of(const SelectionSet& set) {
    Size size;
    for (const Selection& selection : set.items) {
      if (selection.kind == SelectionKind::spread) {
        if (const auto* fragment = document_.fragment(selection.name.text)) {
          size.include(of(*fragment));
        }
        continue;
      }
      const Size below = selection.selections == nullptr ? Size{} : of(*selection.selections);
      if (selection.kind == SelectionKind::inline_fragment) {
        size.include(below);
        continue;
      }
      size.depth = std::max(size.depth, add(below.depth, 1));
      size.fields = add(size.fields, add(below.fields, 1));
      size.aliases = add(size.aliases, add(below.aliases, selection.alias.text.empty() ? 0 : 1));
      size.root_fields = add(size.root_fields, 1);
    }
    return size;
  }

 private:
  // A fragment within itself counts nothing: validation refuses it with better words.
  Size of(const FragmentNode& fragment) {
    const auto [found, fresh] = sizes_.try_emplace(&fragment);
    if (fresh) {
      const Size size = of(*fragment.selections);
      sizes_[&fragment] = size;
      return size;
    }
    return found->second;
  }

  const DocumentNode& document_;
  std::map<const FragmentNode*, Size> sizes_;
};

Fault too_much(std::string_view what, std::uint64_t found, std::uint64_t limit, std::uint32_t at) {
  return {.message = fmt::format("The operation {}: {} where at most {} are allowed.", what,
                                 found == kMost ? "far more" : std::to_string(found), limit),
          .at = {at}};
}

class Price {
 public:
  Price(const Variables& variables, const Limits& limits)
      : variables_(variables), limits_(limits) {}

  // `page`: how many items the lists of the paged field above have.
  std::uint64_t of(const SelectionSet& set, std::uint64_t page) {
    std::uint64_t sum = 0;
    for (const Selection& selection : set.items) {
      if (selection.kind == SelectionKind::field) {
        sum = add(sum, of(selection, page));
      } else if (selection.kind == SelectionKind::inline_fragment) {
        sum = add(sum, of(*selection.selections, page));
      } else {
        sum = add(sum, of(*selection.fragment, page));
      }
    }
    return sum;
  }

 private:
  std::uint64_t of(const FragmentNode& fragment, std::uint64_t page) {
    const auto [found, fresh] = prices_.try_emplace({&fragment, page}, 0);
    if (fresh) {
      const std::uint64_t price = of(*fragment.selections, page);
      prices_[{&fragment, page}] = price;
      return price;
    }
    return found->second;
  }

  std::uint64_t of(const Selection& selection, std::uint64_t page) {
    if (selection.selections == nullptr) return 1;
    const Field& field = *selection.definition;
    const std::uint64_t below_page = field.paged ? page_of(selection) : page;
    std::uint64_t times = 1;
    if (field.items == kPageItems) times = below_page;
    if (field.items > 0) times = static_cast<std::uint64_t>(field.items);
    return add(1, multiply(times, of(*selection.selections, below_page)));
  }

  std::uint64_t page_of(const Selection& selection) const {
    std::int64_t page = limits_.page;
    const InputField* first = selection.definition->argument("first");
    if (first != nullptr && first->default_value != nullptr) page = first->default_value->integer;
    for (const ArgumentNode& argument : selection.arguments) {
      const std::string_view name = argument.name.text;
      if (name != "first" && name != "last") continue;
      const Type& type = *selection.definition->argument(name)->type;
      Arena scratch;
      const Input* value = coerce_literal(*argument.value, Shape(type), variables_, scratch);
      if (value != nullptr && !value->is_null()) page = value->integer;
    }
    return static_cast<std::uint64_t>(std::clamp<std::int64_t>(page, 1, limits_.page_most));
  }

  const Variables& variables_;
  const Limits& limits_;
  std::map<std::pair<const FragmentNode*, std::uint64_t>, std::uint64_t> prices_;
};

}  // namespace

std::optional<Fault> check_size(const DocumentNode& document, const Limits& limits) {
  const std::size_t definitions = document.operations.size() + document.fragments.size();
  if (definitions > limits.definitions) {
    return Fault{.message = fmt::format("The document has {} definitions where at most {} are "
                                        "allowed.",
                                        definitions, limits.definitions)};
  }
  Measure measure(document);
  std::uint64_t all_fields = 0;
  const auto check = [&](const SelectionSet& set, std::uint32_t at) -> std::optional<Fault> {
    const Size size = measure.of(set);
    all_fields = add(all_fields, size.fields);
    if (size.depth > limits.depth) {
      return too_much("is too deep", size.depth, limits.depth, at);
    }
    if (size.aliases > limits.aliases) {
      return too_much("has too many aliases", size.aliases, limits.aliases, at);
    }
    if (size.fields > limits.fields || all_fields > 2 * limits.fields) {
      return too_much("selects too many fields", std::max(size.fields, all_fields), limits.fields,
                      at);
    }
    return std::nullopt;
  };
  for (const OperationNode& operation : document.operations) {
    if (auto fault = check(*operation.selections, operation.at)) return fault;
    const Size size = measure.of(*operation.selections);
    if (size.root_fields > limits.root_fields) {
      return too_much("has too many fields at its root", size.root_fields, limits.root_fields,
                      operation.at);
    }
  }
  for (const FragmentNode& fragment : document.fragments) {
    if (auto fault = check(*fragment.selections, fragment.at)) return fault;
  }
  return std::nullopt;
}

std::uint64_t cost_of(const OperationNode& operation, const Variables& variables,
                      const Limits& limits) {
  return Price(variables, limits).of(*operation.selections, 1);
}

std::optional<Fault> check_cost(const OperationNode& operation, const Variables& variables,
                                const Limits& limits) {
  const std::uint64_t cost = cost_of(operation, variables, limits);
  if (cost <= limits.cost) return std::nullopt;
  return Fault{
      .message = fmt::format("The operation is too complex: its answer could have {} "
                             "values where at most {} are allowed. Ask for smaller "
                             "pages, or for less at once.",
                             cost == kMost ? "far more" : std::to_string(cost), limits.cost),
      .at = {operation.at}};
}

}  // namespace keywright::graphql
