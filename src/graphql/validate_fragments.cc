#include <set>

#include <fmt/format.h>

#include "graphql/validation.h"

namespace keywright::graphql {
namespace {

// Follows spreads until one leads back to a fragment that is being followed.
class Cycles {
 public:
  explicit Cycles(Validation& validation) : validation_(validation) {}

  void follow(const FragmentNode& fragment) {
    if (!seen_.insert(&fragment).second) return;
    const std::vector<const Selection*> spreads = spreads_in(*fragment.selections);
    if (spreads.empty()) return;
    begins_at_[fragment.name.text] = path_.size();
    for (const Selection* spread : spreads) {
      path_.push_back(spread);
      const auto open = begins_at_.find(spread->name.text);
      if (open != begins_at_.end()) {
        report(open->second);
      } else if (spread->fragment != nullptr) {
        follow(*spread->fragment);
      }
      path_.pop_back();
    }
    begins_at_.erase(fragment.name.text);
  }

 private:
  // Those of the fragment itself; of two sets, the one that was met last comes first.
  static std::vector<const Selection*> spreads_in(const SelectionSet& set) {
    std::vector<const Selection*> spreads;
    std::vector<const SelectionSet*> open{&set};
    while (!open.empty()) {
      const SelectionSet* next = open.back();
      open.pop_back();
      for (const Selection& selection : next->items) {
        if (selection.kind == SelectionKind::spread) {
          spreads.push_back(&selection);
        } else if (selection.selections != nullptr) {
          open.push_back(selection.selections);
        }
      }
    }
    return spreads;
  }

  void report(std::size_t begins_at) {
    std::vector<std::uint32_t> at;
    std::string via;
    for (std::size_t i = begins_at; i < path_.size(); ++i) {
      at.push_back(path_[i]->at);
      if (i + 1 == path_.size()) continue;
      via += fmt::format("{}\"{}\"", via.empty() ? " via " : ", ", path_[i]->name.text);
    }
    validation_.report(
        fmt::format("Cannot spread fragment \"{}\" within itself{}.", path_.back()->name.text, via),
        std::move(at));
  }

  Validation& validation_;
  std::set<const FragmentNode*> seen_;
  std::vector<const Selection*> path_;
  std::map<std::string_view, std::size_t> begins_at_;
};

template <class Node>
const Node* first_named(const List<Node>& nodes, std::string_view name) {
  for (const Node& node : nodes) {
    if (node.name.text == name) return &node;
  }
  return nullptr;
}

template <class Node>
void check_names(Validation& validation, const List<Node>& nodes, std::string_view what) {
  for (const Node& node : nodes) {
    if (node.name.text.empty()) continue;
    const Node* first = first_named(nodes, node.name.text);
    if (first == &node) continue;
    validation.report(fmt::format("There can be only one {} named \"{}\".", what, node.name.text),
                      {first->name.at, node.name.at});
  }
}

}  // namespace

std::vector<const Contents*> Validation::reached_by(const OperationNode& operation) const {
  std::vector<const Contents*> reached;
  std::set<const void*> seen;
  std::vector<const void*> open{&operation};
  while (!open.empty()) {
    const void* next = open.back();
    open.pop_back();
    const auto found = contents.find(next);
    if (found == contents.end() || !seen.insert(next).second) continue;
    reached.push_back(&found->second);
    for (const FragmentNode* fragment : found->second.spreads) open.push_back(fragment);
  }
  return reached;
}

void check_unique_names(Validation& validation) {
  const DocumentNode& document = validation.document;
  check_names(validation, document.operations, "operation");
  check_names(validation, document.fragments, "fragment");
  if (document.operations.size() < 2) return;
  for (const OperationNode& operation : document.operations) {
    if (!operation.name.text.empty()) continue;
    validation.report("This anonymous operation must be the only defined operation.",
                      {operation.at});
  }
}

void check_unused_fragments(Validation& validation) {
  if (validation.document.fragments.empty()) return;
  std::set<std::string_view> used;
  for (const OperationNode& operation : validation.document.operations) {
    for (const Contents* contents : validation.reached_by(operation)) {
      for (const FragmentNode* fragment : contents->spreads) used.insert(fragment->name.text);
    }
  }
  for (const FragmentNode& fragment : validation.document.fragments) {
    if (used.contains(fragment.name.text)) continue;
    validation.report(fmt::format("Fragment \"{}\" is never used.", fragment.name.text),
                      {fragment.at});
  }
}

void check_fragment_cycles(Validation& validation) {
  Cycles cycles(validation);
  for (const FragmentNode& fragment : validation.document.fragments) cycles.follow(fragment);
}

}  // namespace keywright::graphql
