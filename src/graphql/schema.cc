#include "graphql/schema.h"

#include <cstdio>
#include <cstdlib>

#include "graphql/introspection.h"
#include "graphql/parser.h"
#include "graphql/values.h"

namespace keywright::graphql {
namespace {

template <class Things>
auto* named(Things& things, std::string_view name) {
  for (auto& thing : things) {
    if (thing.name == name) return &thing;
  }
  return static_cast<decltype(&*things.begin())>(nullptr);
}

[[noreturn]] void broken(std::string_view what, std::string_view name) {
  std::fprintf(stderr, "GraphQL schema: %.*s %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(name.size()), name.data());
  std::abort();
}

}  // namespace

bool InputField::is_required() const { return type->is_non_null() && default_value == nullptr; }

const InputField* Field::argument(std::string_view wanted) const {
  return named(arguments, wanted);
}
const InputField* Directive::argument(std::string_view wanted) const {
  return named(arguments, wanted);
}
const Field* Type::field(std::string_view wanted) const { return graphql::named(fields, wanted); }
const InputField* Type::input_field(std::string_view wanted) const {
  return graphql::named(input_fields, wanted);
}
bool Type::has_value(std::string_view wanted) const {
  return graphql::named(values, wanted) != nullptr;
}

const Type& Type::named() const {
  const Type* type = this;
  while (type->of != nullptr) type = type->of;
  return *type;
}

std::string Type::to_string() const {
  if (kind == TypeKind::list) return "[" + of->to_string() + "]";
  if (kind == TypeKind::non_null) return of->to_string() + "!";
  return name;
}

const Type* Schema::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const Directive* Schema::directive(std::string_view name) const { return named(directives_, name); }

const Field* Schema::field(const Type& parent, std::string_view name) const {
  if (name.starts_with("__")) {
    if (const Field* meta = named(meta_fields_, name)) {
      const bool anywhere = name == "__typename" && parent.is_composite();
      if (anywhere || (name != "__typename" && &parent == query_)) return meta;
    }
  }
  return parent.field(name);
}

using TypeBuilder = SchemaBuilder::TypeBuilder;

TypeBuilder& TypeBuilder::implements(std::string_view interface) {
  type_.interface_names.emplace_back(interface);
  return *this;
}

TypeBuilder& TypeBuilder::field(std::string_view name, std::string_view type,
                                std::string_view description, Resolver resolve) {
  Field& field = type_.fields.emplace_back();
  field.name = name;
  field.type_text = type;
  field.description = description;
  field.resolve = resolve;
  return *this;
}

TypeBuilder& TypeBuilder::argument(std::string_view name, std::string_view type,
                                   std::string_view description, std::string_view default_text) {
  InputField& argument = type_.fields.back().arguments.emplace_back();
  argument.name = name;
  argument.type_text = type;
  argument.description = description;
  argument.default_text = default_text;
  return *this;
}

TypeBuilder& TypeBuilder::items(int typical) {
  type_.fields.back().items = typical;
  return *this;
}

TypeBuilder& TypeBuilder::paged() {
  type_.fields.back().paged = true;
  return *this;
}

TypeBuilder& TypeBuilder::input(std::string_view name, std::string_view type,
                                std::string_view description, std::string_view default_text) {
  InputField& field = type_.input_fields.emplace_back();
  field.name = name;
  field.type_text = type;
  field.description = description;
  field.default_text = default_text;
  return *this;
}

TypeBuilder& TypeBuilder::value(std::string_view name, std::string_view description) {
  type_.values.push_back({std::string(name), std::string(description)});
  return *this;
}

TypeBuilder& TypeBuilder::specified_by(std::string_view url) {
  type_.specified_by = url;
  return *this;
}

SchemaBuilder::SchemaBuilder() : schema_(std::make_unique<Schema>()) {}
SchemaBuilder::~SchemaBuilder() = default;

Type& SchemaBuilder::add(TypeKind kind, std::string_view name, std::string_view description) {
  Type& type = schema_->storage_.emplace_back();
  type.kind = kind;
  type.name = name;
  type.description = description;
  if (!schema_->by_name_.emplace(type.name, &type).second) broken("has two types", name);
  schema_->types_.push_back(&type);
  return type;
}

TypeBuilder SchemaBuilder::object(std::string_view name, std::string_view description) {
  return TypeBuilder(add(TypeKind::object, name, description));
}
TypeBuilder SchemaBuilder::interface(std::string_view name, std::string_view description) {
  return TypeBuilder(add(TypeKind::interface, name, description));
}
TypeBuilder SchemaBuilder::enumeration(std::string_view name, std::string_view description) {
  return TypeBuilder(add(TypeKind::enumeration, name, description));
}
TypeBuilder SchemaBuilder::input_object(std::string_view name, std::string_view description) {
  return TypeBuilder(add(TypeKind::input_object, name, description));
}
TypeBuilder SchemaBuilder::scalar(std::string_view name, std::string_view description) {
  Type& type = add(TypeKind::scalar, name, description);
  type.scalar = Scalar::text;
  return TypeBuilder(type);
}

void SchemaBuilder::add_built_in_scalars() {
  const auto built_in = [&](Scalar scalar, std::string_view name, std::string_view description) {
    add(TypeKind::scalar, name, description).scalar = scalar;
  };
  built_in(Scalar::string, "String", "Text.");
  built_in(Scalar::id, "ID", "Names one thing; a text that means nothing by itself.");
  built_in(Scalar::integer, "Int", "A whole number of 32 bits, with its sign.");
  built_in(Scalar::number, "Float", "A number of double precision.");
  built_in(Scalar::boolean, "Boolean", "true or false.");
}

void SchemaBuilder::add_built_in_directives() {
  const auto add_directive = [&](std::string_view name, std::string_view description,
                                 std::vector<std::string> locations, InputField argument) {
    Directive& directive = schema_->directives_.emplace_back();
    directive.name = name;
    directive.description = description;
    directive.locations = std::move(locations);
    if (!argument.name.empty()) directive.arguments.push_back(std::move(argument));
  };
  const std::vector<std::string> selections{"FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"};
  add_directive("include", "Selects it only if the condition is true.", selections,
                {"if", "Select it?", "Boolean!", ""});
  add_directive("skip", "Selects it only if the condition is false.", selections,
                {"if", "Leave it out?", "Boolean!", ""});
  add_directive("deprecated", "Says that it should not be used any more, and why.",
                {"FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INPUT_FIELD_DEFINITION", "ENUM_VALUE"},
                {"reason", "What to use instead.", "String", "\"No longer supported\""});
  add_directive("specifiedBy", "Says where the scalar is described.", {"SCALAR"},
                {"url", "Address of the description.", "String!", ""});
  add_directive("oneOf", "Exactly one field of the input object must be given.", {"INPUT_OBJECT"},
                {});
}

const Type* SchemaBuilder::wrap(const TypeNode& node) {
  if (node.kind == TypeNodeKind::named) return schema_->find(node.name);
  const Type* of = wrap(*node.of);
  if (of == nullptr) return nullptr;
  const auto kind = node.kind == TypeNodeKind::list ? TypeKind::list : TypeKind::non_null;
  const Type*& wrapper = schema_->wrappers_[{kind, of}];
  if (wrapper == nullptr) {
    Type& made = schema_->storage_.emplace_back();
    made.kind = kind;
    made.of = of;
    wrapper = &made;
  }
  return wrapper;
}

const Type* SchemaBuilder::type_named(std::string_view text) {
  const TypeNode* node = parse_type(text, *schema_->arena_);
  const Type* type = node == nullptr ? nullptr : wrap(*node);
  if (type == nullptr) broken("does not know the type", text);
  return type;
}

void SchemaBuilder::tie(InputField& input) {
  input.type = type_named(input.type_text);
  if (!input.type->named().is_input()) broken("takes as input", input.type_text);
}

void SchemaBuilder::tie(Type& type) {
  for (const std::string& name : type.interface_names) {
    const auto found = schema_->by_name_.find(name);
    if (found == schema_->by_name_.end()) broken("does not know the interface", name);
    type.interfaces.push_back(found->second);
    found->second->possible.push_back(&type);
  }
  for (Field& field : type.fields) {
    field.type = type_named(field.type_text);
    for (InputField& argument : field.arguments) tie(argument);
  }
  for (InputField& field : type.input_fields) tie(field);
}

std::unique_ptr<const Schema> SchemaBuilder::finish() && {
  Schema& schema = *schema_;
  add_built_in_scalars();
  add_built_in_directives();
  add_introspection(*this);
  Field& type_name = schema.meta_fields_.emplace_back();
  type_name.name = "__typename";
  type_name.type_text = "String!";
  add_introspection_fields(schema.meta_fields_);
  for (std::size_t i = 0, count = schema.storage_.size(); i < count; ++i) tie(schema.storage_[i]);
  for (Directive& directive : schema.directives_) {
    for (InputField& argument : directive.arguments) tie(argument);
  }
  for (Field& field : schema.meta_fields_) {
    field.type = type_named(field.type_text);
    for (InputField& argument : field.arguments) tie(argument);
  }
  schema.query_ = schema.find("Query");
  schema.mutation_ = schema.find("Mutation");
  if (schema.query_ == nullptr) broken("has no type", "Query");
  coerce_defaults(schema.storage_, schema.directives_, schema.meta_fields_, *schema.arena_);
  return std::move(schema_);
}

}  // namespace keywright::graphql
