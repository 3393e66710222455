#include "graphql/execute.h"

#include <algorithm>

#include <fmt/format.h>

#include "json/writer.h"

namespace keywright::graphql {

// One field node of a group.
struct GroupNode {
  const Selection* field = nullptr;
  GroupNode* next = nullptr;
};

// The fields of a selection that answer under one name, on one type of object.
struct Group {
  std::string_view response_name;
  const Field* definition = nullptr;
  const Type* parent = nullptr;
  List<GroupNode> nodes = {};
  Plan* plans = nullptr;  // of what is selected below, by type of object
  bool arguments_read = false;
  Input arguments = {};
  Group* next = nullptr;
};

// What is selected on one type of object, in order.
struct Plan {
  const Type* type = nullptr;
  List<Group> groups = {};
  Plan* next = nullptr;
};

// Where in the answer: a name, or a place in a list.
struct Path {
  const Path* above = nullptr;
  std::string_view name = {};
  std::size_t index = 0;
};

namespace {

void append_path(std::string& out, const Path& path) {
  if (path.above != nullptr) {
    append_path(out, *path.above);
    out += ',';
  }
  if (path.name.empty()) {
    out += std::to_string(path.index);
  } else {
    json::append_quoted(out, path.name);
  }
}

}  // namespace

const Schema& Resolving::schema() const { return execution_.schema_; }

std::string_view Resolving::response_name() const { return group_.response_name; }

bool Resolving::argument_is_true(std::string_view name) const {
  const Input* given = argument(name);
  return given != nullptr && given->boolean;
}

Value Resolving::fail(std::string_view code, std::string_view message,
                      std::string_view input_field) {
  Value value(Value::Kind::failed);
  value.count_ = execution_.raised_.size();
  execution_.raised_.push_back({.message = std::string(message),
                                .at = {},
                                .path = {},
                                .code = code,
                                .field = std::string(input_field)});
  return value;
}

const Outcome* Resolving::later(const std::string& key, Ask ask) {
  const auto found = execution_.outcomes_.find(key);
  if (found != execution_.outcomes_.end()) return &found->second;
  const auto same = [&](const Execution::Wanted& wanted) { return wanted.key == key; };
  if (std::none_of(execution_.wanted_.begin(), execution_.wanted_.end(), same)) {
    execution_.wanted_.push_back({key, std::move(ask)});
  }
  return nullptr;
}

Execution::Execution(const Schema& schema, const Prepared& prepared, std::string_view text,
                     Arena& arena, void* context, const void* root)
    : schema_(schema),
      prepared_(prepared),
      text_(text),
      arena_(arena),
      context_(context),
      root_(root) {
  const bool mutates = prepared.operation->kind == OperationKind::mutation;
  root_plan_ = arena_.make<Plan>();
  root_plan_->type = mutates ? schema.mutation() : &schema.query();
  std::vector<const FragmentNode*> visited;
  collect(*root_plan_->type, *prepared.operation->selections, *root_plan_, visited);
  next_root_ = root_plan_->groups.first();
  if (mutates) out_ = "{";
}

Execution::~Execution() = default;

bool Execution::applies(const Type* condition, const Type& type) const {
  if (condition == nullptr || condition == &type) return true;
  return std::find(type.interfaces.begin(), type.interfaces.end(), condition) !=
         type.interfaces.end();
}

// @skip and @include.
bool Execution::is_wanted(const Selection& selection) const {
  for (const DirectiveNode& directive : selection.directives) {
    const bool skips = directive.name.text == "skip";
    if (!skips && directive.name.text != "include") continue;
    for (const ArgumentNode& argument : directive.arguments) {
      bool condition = argument.value->text == "true";
      if (argument.value->kind == ValueKind::variable) {
        const Input* given = prepared_.variables.find(argument.value->text);
        condition = given != nullptr && given->boolean;
      }
      if (condition == skips) return false;
    }
  }
  return true;
}

void Execution::add_to_group(Plan& plan, Selection& field, const Type& type) {
  const std::string_view name = field.response_name();
  Group* group = nullptr;
  for (Group& known : plan.groups) {
    if (known.response_name == name) group = &known;
  }
  if (group == nullptr) {
    group = arena_.make<Group>(name, schema_.field(type, field.name.text), &type);
    plan.groups.append(group);
  }
  group->nodes.append(arena_.make<GroupNode>(&field, nullptr));
}

void Execution::collect(const Type& type, const SelectionSet& set, Plan& plan,
                        std::vector<const FragmentNode*>& visited) {
  for (Selection& selection : set.items) {
    if (!is_wanted(selection)) continue;
    if (selection.kind == SelectionKind::field) {
      add_to_group(plan, selection, type);
    } else if (selection.kind == SelectionKind::inline_fragment) {
      if (applies(selection.condition_type, type)) {
        collect(type, *selection.selections, plan, visited);
      }
    } else {
      const FragmentNode* fragment = selection.fragment;
      if (std::find(visited.begin(), visited.end(), fragment) != visited.end()) continue;
      visited.push_back(fragment);
      if (applies(fragment->condition_type, type)) {
        collect(type, *fragment->selections, plan, visited);
      }
    }
  }
}

Plan* Execution::plan_of(Group& group, const Type& type) {
  for (Plan* plan = group.plans; plan != nullptr; plan = plan->next) {
    if (plan->type == &type) return plan;
  }
  auto* plan = arena_.make<Plan>();
  plan->type = &type;
  plan->next = group.plans;
  group.plans = plan;
  std::vector<const FragmentNode*> visited;
  for (const GroupNode& node : group.nodes) {
    if (node.field->selections != nullptr) collect(type, *node.field->selections, *plan, visited);
  }
  return plan;
}

bool Execution::advance() {
  wanted_.clear();
  raised_.clear();
  waits_ = false;
  return prepared_.operation->kind == OperationKind::mutation ? walk_mutation() : walk_query();
}

bool Execution::walk_query() {
  out_.clear();
  faults_.clear();
  failed_ = !execute_plan(*root_plan_, root_, nullptr);
  return !waits_;
}

bool Execution::walk_mutation() {
  while (next_root_ != nullptr && !failed_) {
    const std::size_t written = out_.size();
    const std::size_t faults = faults_.size();
    if (written > 1) out_ += ',';
    json::append_quoted(out_, next_root_->response_name);
    out_ += ':';
    const bool done = execute_field(*next_root_, root_, nullptr);
    if (waits_) {
      out_.resize(written);
      faults_.resize(faults);
      return false;
    }
    failed_ = !done;
    next_root_ = next_root_->next;
    outcomes_.clear();
  }
  return true;
}

Task<void> Execution::wait() {
  std::vector<Wanted> wanted = std::move(wanted_);
  wanted_.clear();
  for (Wanted& each : wanted) {
    auto asked = each.ask();
    Outcome outcome = co_await std::move(asked);
    outcomes_.emplace(std::move(each.key), std::move(outcome));
  }
}

void Execution::write(std::string& out) const {
  const bool mutates = prepared_.operation->kind == OperationKind::mutation;
  out += R"({"data":)";
  out += failed_ ? "null" : std::string_view(out_);
  if (mutates && !failed_) out += '}';
  if (!faults_.empty()) {
    out += R"(,"errors":[)";
    for (std::size_t i = 0; i < faults_.size(); ++i) {
      if (i != 0) out += ',';
      write_fault(out, faults_[i], text_);
    }
    out += ']';
  }
  out += '}';
}

bool Execution::execute_plan(const Plan& plan, const void* object, const Path* path) {
  out_ += '{';
  bool first = true;
  for (Group& group : plan.groups) {
    if (!first) out_ += ',';
    first = false;
    out_ += '"';
    out_ += group.response_name;  // a name needs no escapes
    out_ += "\":";
    if (!execute_field(group, object, path)) return false;
  }
  out_ += '}';
  return true;
}

bool Execution::execute_field(Group& group, const void* object, const Path* above) {
  const Path path{above, group.response_name, 0};
  if (group.definition->resolve == nullptr) {  // __typename
    return complete(*group.definition->type, group, Value::text(group.parent->name), path);
  }
  if (!group.arguments_read && !read_arguments(group, path)) {
    return nothing(*group.definition->type);
  }
  Resolving resolving(*this, group, object, context_, group.arguments, arena_);
  return complete(*group.definition->type, group, group.definition->resolve(resolving), path);
}

// Arguments depend on the document and the variables alone: they are read once.
bool Execution::read_arguments(Group& group, const Path& path) {
  InputMember* last = nullptr;
  group.arguments.kind = Input::Kind::object;
  group.arguments.members = nullptr;
  for (const InputField& field : group.definition->arguments) {
    const ArgumentNode* given = nullptr;
    for (const ArgumentNode& argument : group.nodes.first()->field->arguments) {
      if (argument.name.text == field.name) given = &argument;
    }
    const bool missing = given == nullptr || (given->value->kind == ValueKind::variable &&
                                              !prepared_.variables.find(given->value->text));
    const Input* value = field.default_value;
    if (!missing) {
      value = coerce_literal(*given->value, Shape(*field.type), prepared_.variables, arena_);
    }
    if (value == nullptr && (!missing || field.type->is_non_null())) {
      Fault fault{
          .message = fmt::format("Argument \"{}\" of non-null type \"{}\" must not be null.",
                                 field.name, field.type->to_string()),
          .field = field.name};
      if (given != nullptr) fault.at = {given->value->at};
      add_fault(std::move(fault), group, path);
      return false;
    }
    if (value == nullptr) continue;
    auto* member = arena_.make<InputMember>(field.name, *value, nullptr);
    (last == nullptr ? group.arguments.members : last->next) = member;
    last = member;
  }
  group.arguments_read = true;
  return true;
}

void Execution::add_fault(Fault fault, const Group& group, const Path& path) {
  if (fault.at.empty()) {
    for (const GroupNode& node : group.nodes) fault.at.push_back(node.field->at);
  }
  fault.path = "[";
  append_path(fault.path, path);
  fault.path += ']';
  faults_.push_back(std::move(fault));
}

// No value: null if it may be, else the field above has none either.
bool Execution::nothing(const Type& type) {
  if (type.is_non_null()) return false;
  out_ += "null";
  return true;
}

bool Execution::complete(const Type& type, Group& group, const Value& value, const Path& path) {
  switch (value.kind_) {
    case Value::Kind::waiting:
      waits_ = true;
      out_ += "null";
      return true;
    case Value::Kind::failed:
      add_fault(std::move(raised_[value.count_]), group, path);
      return nothing(type);
    case Value::Kind::null:
      if (type.is_non_null()) {
        Fault fault{.message = fmt::format("Cannot return null for non-nullable field {}.{}.",
                                           group.parent->name, group.definition->name)};
        add_fault(std::move(fault), group, path);
      }
      return nothing(type);
    case Value::Kind::list: return complete_list(type, group, value, path);
    case Value::Kind::object: return complete_object(type, group, value, path);
    case Value::Kind::text: json::append_quoted(out_, value.text_); return true;
    case Value::Kind::integer:
      fmt::format_to(std::back_inserter(out_), "{}", value.integer_);
      break;
    case Value::Kind::number: json::Writer(out_).number(value.number_); break;
    case Value::Kind::boolean: out_ += value.integer_ != 0 ? "true" : "false"; break;
  }
  return true;
}

bool Execution::complete_list(const Type& type, Group& group, const Value& value,
                              const Path& path) {
  const std::size_t start = out_.size();
  const Type& item_type = *type.nullable().of;
  out_ += '[';
  for (std::size_t i = 0; i < value.count_; ++i) {
    if (i != 0) out_ += ',';
    const Path item{&path, {}, i};
    if (!complete(item_type, group, value.items_[i], item)) {
      out_.resize(start);
      return nothing(type);
    }
  }
  out_ += ']';
  return true;
}

bool Execution::complete_object(const Type& type, Group& group, const Value& value,
                                const Path& path) {
  const std::size_t start = out_.size();
  const Type& concrete = value.type_ != nullptr ? *value.type_ : type.nullable();
  if (execute_plan(*plan_of(group, concrete), value.object_, &path)) return true;
  out_.resize(start);
  return nothing(type);
}

}  // namespace keywright::graphql
