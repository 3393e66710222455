#include "graphql/introspection.h"

#include "graphql/execute.h"

namespace keywright::graphql {
namespace {

// What a look at the schema costs is counted with these typical sizes.
constexpr int kTypes = 40;
constexpr int kFields = 6;
constexpr int kArguments = 2;
constexpr int kFew = 3;

Value text_or_null(std::string_view text) {
  return text.empty() ? Value::null() : Value::text(text);
}

Value type_value(const Type* type) { return type == nullptr ? Value::null() : Value::object(type); }

template <class Things>
Value pointers(Resolving& field, const Things& things) {
  const auto list = field.make_list(things.size());
  std::size_t i = 0;
  for (const auto* thing : things) list[i++] = Value::object(thing);
  return Value::list(list);
}

template <class Things>
Value objects(Resolving& field, const Things& things) {
  const auto list = field.make_list(things.size());
  std::size_t i = 0;
  for (const auto& thing : things) list[i++] = Value::object(&thing);
  return Value::list(list);
}

template <class T>
Value name(Resolving& field) {
  return text_or_null(field.parent<T>().name);
}
template <class T>
Value description(Resolving& field) {
  return text_or_null(field.parent<T>().description);
}
template <class T>
Value arguments(Resolving& field) {
  return objects(field, field.parent<T>().arguments);
}
template <class T>
Value type(Resolving& field) {
  return type_value(field.parent<T>().type);
}
Value never(Resolving&) { return Value::boolean(false); }
Value nothing(Resolving&) { return Value::null(); }

Value no_description(Resolving&) { return Value::null(); }
Value all_types(Resolving& field) { return pointers(field, field.schema().types()); }
Value query_type(Resolving& field) { return type_value(&field.schema().query()); }
Value mutation_type(Resolving& field) { return type_value(field.schema().mutation()); }
Value all_directives(Resolving& field) { return objects(field, field.schema().directives()); }

Value type_kind(Resolving& field) {
  switch (field.parent<Type>().kind) {
    case TypeKind::scalar: return Value::text("SCALAR");
    case TypeKind::object: return Value::text("OBJECT");
    case TypeKind::interface: return Value::text("INTERFACE");
    case TypeKind::enumeration: return Value::text("ENUM");
    case TypeKind::input_object: return Value::text("INPUT_OBJECT");
    case TypeKind::list: return Value::text("LIST");
    case TypeKind::non_null: return Value::text("NON_NULL");
  }
  return Value::null();
}

Value specified_by(Resolving& field) { return text_or_null(field.parent<Type>().specified_by); }

Value fields_of_type(Resolving& field) {
  const Type& type = field.parent<Type>();
  if (!type.is_composite()) return Value::null();
  const bool all = field.argument_is_true("includeDeprecated");
  const auto list = field.make_list(type.fields.size());
  std::size_t count = 0;
  for (const Field& each : type.fields) {
    if (all || each.deprecation.empty()) list[count++] = Value::object(&each);
  }
  return Value::list(list.first(count));
}

Value interfaces(Resolving& field) {
  const Type& type = field.parent<Type>();
  return type.is_composite() ? pointers(field, type.interfaces) : Value::null();
}

Value possible_types(Resolving& field) {
  const Type& type = field.parent<Type>();
  return type.kind == TypeKind::interface ? pointers(field, type.possible) : Value::null();
}

Value enum_values(Resolving& field) {
  const Type& type = field.parent<Type>();
  return type.kind == TypeKind::enumeration ? objects(field, type.values) : Value::null();
}

Value input_fields(Resolving& field) {
  const Type& type = field.parent<Type>();
  return type.kind == TypeKind::input_object ? objects(field, type.input_fields) : Value::null();
}

Value of_type(Resolving& field) { return type_value(field.parent<Type>().of); }

Value is_one_of(Resolving& field) {
  const bool is_input = field.parent<Type>().kind == TypeKind::input_object;
  return is_input ? Value::boolean(false) : Value::null();
}

Value is_deprecated(Resolving& field) {
  return Value::boolean(!field.parent<Field>().deprecation.empty());
}
Value deprecation_reason(Resolving& field) {
  return text_or_null(field.parent<Field>().deprecation);
}

Value default_value(Resolving& field) {
  return text_or_null(field.parent<InputField>().default_text);
}

Value locations(Resolving& field) {
  const Directive& directive = field.parent<Directive>();
  const auto list = field.make_list(directive.locations.size());
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = Value::text(directive.locations[i]);
  return Value::list(list);
}

Value find_schema(Resolving& field) { return Value::object(&field.schema()); }
Value find_type(Resolving& field) {
  return type_value(field.schema().find(field.argument_text("name")));
}

constexpr std::string_view kDeprecated = "includeDeprecated";
constexpr std::string_view kDeprecatedText = "Those that should not be used any more, too?";

void add_type_type(SchemaBuilder& builder) {
  builder.object("__Type", "A type of the schema.")
      .field("kind", "__TypeKind!", "What sort of type it is.", &type_kind)
      .field("name", "String", "Its name; null for lists and non-null types.", &name<Type>)
      .field("description", "String", "What it is.", &description<Type>)
      .field("specifiedByURL", "String", "Where a scalar is described.", &specified_by)
      .field("fields", "[__Field!]", "Fields of an object or interface.", &fields_of_type)
      .argument(kDeprecated, "Boolean", kDeprecatedText, "false")
      .items(kFields)
      .field("interfaces", "[__Type!]", "Interfaces that it implements.", &interfaces)
      .items(kFew)
      .field("possibleTypes", "[__Type!]", "Objects that implement the interface.", &possible_types)
      .items(kFields)
      .field("enumValues", "[__EnumValue!]", "Values of an enum.", &enum_values)
      .argument(kDeprecated, "Boolean", kDeprecatedText, "false")
      .items(kFew)
      .field("inputFields", "[__InputValue!]", "Fields of an input object.", &input_fields)
      .argument(kDeprecated, "Boolean", kDeprecatedText, "false")
      .items(kFew)
      .field("ofType", "__Type", "What a list or non-null type is made of.", &of_type)
      .field("isOneOf", "Boolean", "Must exactly one field of the input object be given?",
             &is_one_of);
}

void add_type_kinds(SchemaBuilder& builder) {
  builder.enumeration("__TypeKind", "Sorts of types.")
      .value("SCALAR", "A scalar.")
      .value("OBJECT", "An object.")
      .value("INTERFACE", "An interface.")
      .value("UNION", "A union.")
      .value("ENUM", "An enum.")
      .value("INPUT_OBJECT", "An input object.")
      .value("LIST", "A list of another type.")
      .value("NON_NULL", "Another type, but never null.");
}

void add_locations(SchemaBuilder& builder) {
  auto places = builder.enumeration("__DirectiveLocation", "Where a directive may stand.");
  for (std::string_view place :
       {"QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD",
        "INLINE_FRAGMENT", "VARIABLE_DEFINITION", "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION",
        "ARGUMENT_DEFINITION", "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT",
        "INPUT_FIELD_DEFINITION"}) {
    places.value(place, "");
  }
}

}  // namespace

void add_introspection(SchemaBuilder& builder) {
  builder.object("__Schema", "What can be asked: all types and directives.")
      .field("description", "String", "What the schema is for.", &no_description)
      .field("types", "[__Type!]!", "All types.", &all_types)
      .items(kTypes)
      .field("queryType", "__Type!", "Where queries begin.", &query_type)
      .field("mutationType", "__Type", "Where mutations begin.", &mutation_type)
      .field("subscriptionType", "__Type", "There is none.", &nothing)
      .field("directives", "[__Directive!]!", "All directives.", &all_directives)
      .items(kFields);
  add_type_type(builder);
  add_type_kinds(builder);
  builder.object("__Field", "A field of an object or interface.")
      .field("name", "String!", "Its name.", &name<Field>)
      .field("description", "String", "What it is.", &description<Field>)
      .field("args", "[__InputValue!]!", "Its arguments.", &arguments<Field>)
      .argument(kDeprecated, "Boolean", kDeprecatedText, "false")
      .items(kArguments)
      .field("type", "__Type!", "What it answers.", &type<Field>)
      .field("isDeprecated", "Boolean!", "Should it not be used any more?", &is_deprecated)
      .field("deprecationReason", "String", "Why not.", &deprecation_reason);
  builder.object("__InputValue", "An argument, or a field of an input object.")
      .field("name", "String!", "Its name.", &name<InputField>)
      .field("description", "String", "What it is.", &description<InputField>)
      .field("type", "__Type!", "What it takes.", &type<InputField>)
      .field("defaultValue", "String", "What it is when left out.", &default_value)
      .field("isDeprecated", "Boolean!", "Should it not be used any more?", &never)
      .field("deprecationReason", "String", "Why not.", &nothing);
  builder.object("__EnumValue", "One value of an enum.")
      .field("name", "String!", "Its name.", &name<EnumValue>)
      .field("description", "String", "What it means.", &description<EnumValue>)
      .field("isDeprecated", "Boolean!", "Should it not be used any more?", &never)
      .field("deprecationReason", "String", "Why not.", &nothing);
  builder.object("__Directive", "A directive.")
      .field("name", "String!", "Its name.", &name<Directive>)
      .field("description", "String", "What it does.", &description<Directive>)
      .field("isRepeatable", "Boolean!", "May it stand twice in one place?", &never)
      .field("locations", "[__DirectiveLocation!]!", "Where it may stand.", &locations)
      .items(kFew)
      .field("args", "[__InputValue!]!", "Its arguments.", &arguments<Directive>)
      .argument(kDeprecated, "Boolean", kDeprecatedText, "false")
      .items(kArguments);
  add_locations(builder);
}

void add_introspection_fields(std::deque<Field>& fields) {
  Field& schema = fields.emplace_back();
  schema.name = "__schema";
  schema.type_text = "__Schema!";
  schema.resolve = &find_schema;
  Field& type = fields.emplace_back();
  type.name = "__type";
  type.type_text = "__Type";
  type.resolve = &find_type;
  InputField& name = type.arguments.emplace_back();
  name.name = "name";
  name.type_text = "String!";
}

}  // namespace keywright::graphql
