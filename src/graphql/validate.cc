#include "graphql/validate.h"

#include <algorithm>

#include <fmt/format.h>

#include "graphql/validation.h"

namespace keywright::graphql {
namespace {

// Looks at every selection with the type it is made on.
class Walk {
 public:
  explicit Walk(Validation& validation) : validation_(validation) {}

  void operation(const OperationNode& operation) {
    into_ = &validation_.contents[&operation];
    check_variable_definitions(validation_, operation);
    for (const VariableNode& variable : operation.variables) {
      directives(variable.directives, "VARIABLE_DEFINITION");
    }
    const Type* root = &validation_.schema.query();
    std::string_view place = "QUERY";
    if (operation.kind == OperationKind::mutation) {
      root = validation_.schema.mutation();
      place = "MUTATION";
    } else if (operation.kind == OperationKind::subscription) {
      root = nullptr;
      place = "SUBSCRIPTION";
    }
    if (root == nullptr) {
      validation_.report(
          fmt::format("Schema is not configured to execute {} operation.",
                      operation.kind == OperationKind::mutation ? "mutation" : "subscription"),
          {operation.at});
    }
    directives(operation.directives, place);
    selections(*operation.selections, root);
  }

  void fragment(FragmentNode& fragment) {
    into_ = &validation_.contents[&fragment];
    directives(fragment.directives, "FRAGMENT_DEFINITION");
    selections(*fragment.selections, composite(fragment.condition_type));
  }

  // What a condition names: null and a report if there is no such type.
  const Type* condition(const TypeNode& node, std::string_view what) {
    const Type* type = validation_.schema.find(node.name);
    if (type == nullptr) {
      validation_.report(fmt::format("Unknown type \"{}\".", node.name), {node.at});
    } else if (!type->is_composite()) {
      validation_.report(
          fmt::format("Fragment{} cannot condition on non composite type \"{}\".", what, node.name),
          {node.at});
    }
    return type;
  }

 private:
  static const Type* composite(const Type* type) {
    return type != nullptr && type->is_composite() ? type : nullptr;
  }

  void selections(const SelectionSet& set, const Type* parent) {
    for (Selection& selection : set.items) {
      switch (selection.kind) {
        case SelectionKind::field: field(selection, parent); break;
        case SelectionKind::spread: spread(selection, parent); break;
        case SelectionKind::inline_fragment: inline_fragment(selection, parent); break;
      }
    }
  }

  void field(Selection& field, const Type* parent) {
    field.parent = parent;
    const Field* definition =
        parent == nullptr ? nullptr : validation_.schema.field(*parent, field.name.text);
    field.definition = definition;
    if (parent != nullptr && definition == nullptr) {
      validation_.report(
          fmt::format("Cannot query field \"{}\" on type \"{}\".", field.name.text, parent->name),
          {field.at});
    }
    if (!field.arguments.empty()) {
      const std::string where =
          definition == nullptr ? ""
                                : fmt::format("field \"{}.{}\"", parent->name, definition->name);
      check_arguments(validation_, *into_, field.arguments,
                      definition == nullptr ? nullptr : &definition->arguments, where);
    }
    directives(field.directives, "FIELD");
    const Type* type = definition == nullptr ? nullptr : &definition->type->named();
    if (definition != nullptr) check_required(field, *definition);
    if (type != nullptr) check_leaf(field, *definition, *type);
    if (field.selections != nullptr) selections(*field.selections, composite(type));
  }

  void check_required(const Selection& field, const Field& definition) {
    for (const InputField& argument : definition.arguments) {
      if (!argument.is_required() || is_given(field.arguments, argument.name)) continue;
      validation_.report(
          fmt::format("Field \"{}\" argument \"{}\" of type \"{}\" is required, but it was not "
                      "provided.",
                      definition.name, argument.name, argument.type->to_string()),
          {field.at});
    }
  }

  void check_leaf(const Selection& field, const Field& definition, const Type& type) {
    const std::string_view name = field.name.text;
    if (type.is_leaf() && field.selections != nullptr) {
      validation_.report(
          fmt::format("Field \"{}\" must not have a selection since type \"{}\" has no subfields.",
                      name, definition.type->to_string()),
          {field.selections->at});
    } else if (!type.is_leaf() && field.selections == nullptr) {
      validation_.report(
          fmt::format("Field \"{0}\" of type \"{1}\" must have a selection of subfields. Did you "
                      "mean \"{0} {{ ... }}\"?",
                      name, definition.type->to_string()),
          {field.at});
    }
  }

  void spread(Selection& spread, const Type* parent) {
    directives(spread.directives, "FRAGMENT_SPREAD");
    spread.fragment = validation_.document.fragment(spread.name.text);
    if (spread.fragment == nullptr) {
      validation_.report(fmt::format("Unknown fragment \"{}\".", spread.name.text),
                         {spread.name.at});
      return;
    }
    auto& spreads = into_->spreads;
    if (std::find(spreads.begin(), spreads.end(), spread.fragment) == spreads.end()) {
      spreads.push_back(spread.fragment);
    }
    const Type* type = composite(spread.fragment->condition_type);
    if (type == nullptr || parent == nullptr || overlap(*type, *parent)) return;
    validation_.report(
        fmt::format("Fragment \"{}\" cannot be spread here as objects of type \"{}\" can never be "
                    "of type \"{}\".",
                    spread.name.text, parent->name, type->name),
        {spread.at});
  }

  void inline_fragment(Selection& inlined, const Type* parent) {
    directives(inlined.directives, "INLINE_FRAGMENT");
    const Type* type = parent;
    if (inlined.condition != nullptr) {
      type = composite(condition(*inlined.condition, ""));
      inlined.condition_type = type;
      if (type != nullptr && parent != nullptr && !overlap(*type, *parent)) {
        validation_.report(
            fmt::format("Fragment cannot be spread here as objects of type \"{}\" can never be of "
                        "type \"{}\".",
                        parent->name, type->name),
            {inlined.at});
      }
    }
    selections(*inlined.selections, type);
  }

  // Can an object be both?
  static bool overlap(const Type& a, const Type& b) {
    const auto objects = [](const Type& type) {
      return type.kind == TypeKind::interface ? type.possible : std::vector<const Type*>{&type};
    };
    if (&a == &b) return true;
    const std::vector<const Type*> first = objects(a);
    for (const Type* type : objects(b)) {
      if (std::find(first.begin(), first.end(), type) != first.end()) return true;
    }
    return false;
  }

  void directives(const List<DirectiveNode>& list, std::string_view place) {
    for (const DirectiveNode& node : list) {
      const Directive* directive = validation_.schema.directive(node.name.text);
      check_directive(list, node, directive, place);
      check_arguments(validation_, *into_, node.arguments,
                      directive == nullptr ? nullptr : &directive->arguments,
                      fmt::format("directive \"@{}\"", node.name.text));
      if (directive == nullptr) continue;
      for (const InputField& argument : directive->arguments) {
        if (!argument.is_required() || is_given(node.arguments, argument.name)) continue;
        validation_.report(
            fmt::format("Directive \"@{}\" argument \"{}\" of type \"{}\" is required, but it was "
                        "not provided.",
                        directive->name, argument.name, argument.type->to_string()),
            {node.at});
      }
    }
  }

  void check_directive(const List<DirectiveNode>& list, const DirectiveNode& node,
                       const Directive* directive, std::string_view place) {
    if (directive == nullptr) {
      validation_.report(fmt::format("Unknown directive \"@{}\".", node.name.text), {node.at});
      return;
    }
    const auto& places = directive->locations;
    if (std::find(places.begin(), places.end(), place) == places.end()) {
      validation_.report(
          fmt::format("Directive \"@{}\" may not be used on {}.", node.name.text, place),
          {node.at});
    }
    const auto first = std::find_if(list.begin(), list.end(), [&](const DirectiveNode& other) {
      return other.name.text == node.name.text;
    });
    if (&*first != &node) {
      validation_.report(
          fmt::format("The directive \"@{}\" can only be used once at this location.",
                      node.name.text),
          {first->at, node.at});
    }
  }

  Validation& validation_;
  Contents* into_ = nullptr;
};

}  // namespace

std::vector<Fault> validate(const Schema& schema, const DocumentNode& document) {
  Validation validation(schema, document);
  check_unique_names(validation);
  Walk walk(validation);
  for (FragmentNode& fragment : document.fragments) {
    fragment.condition_type =
        walk.condition(*fragment.condition, fmt::format(" \"{}\"", fragment.name.text));
  }
  for (const OperationNode& operation : document.operations) walk.operation(operation);
  for (FragmentNode& fragment : document.fragments) walk.fragment(fragment);
  check_unused_fragments(validation);
  check_fragment_cycles(validation);
  for (const OperationNode& operation : document.operations) {
    if (!operation.variables.empty() || !validation.contents[&operation].usages.empty() ||
        !document.fragments.empty()) {
      check_variable_usages(validation, operation);
    }
  }
  check_overlaps(validation);
  return std::move(validation.faults);
}

}  // namespace keywright::graphql
