// graphql/schema.h - types, fields and what answers them.
//
//   SchemaBuilder builder;
//   builder.object("Target", "Something that is scanned.")
//       .implements("Node")
//       .field("id", "ID!", "Id of the target.", &target_id)
//       .field("url", "String!", "Its address.", &target_url);
//   builder.object("Query", "What can be asked.")
//       .field("target", "Target", "One target.", &find_target)
//       .argument("id", "ID!", "Its id.");
//   const Schema schema = std::move(builder).finish();
//
// Every schema also has the built-in scalars and directives and the types of introspection. Types
// are named by their text; finish() ties the names together and ends the process if one is unknown:
// a schema is code, not input. There are no unions and no subscriptions: nothing here needs them.
//
// What a field costs (limits.h): `items` is how many items its list is taken to have; a field that
// is `paged` hands the page size of its arguments to the lists below it that have kPageItems.
//
// Threading: immutable once finished. Lifetime: documents and executions point into it.
// Source: GraphQL specification, section 3.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/arena.h"
#include "graphql/ast.h"
#include "graphql/input.h"

namespace keywright::graphql {

class Resolving;
class Value;

using Resolver = Value (*)(Resolving& field);

enum class TypeKind : unsigned char {
  scalar,
  object,
  interface,
  enumeration,
  input_object,
  list,
  non_null,
};

enum class Scalar : unsigned char { none, integer, number, string, boolean, id, text };

struct Type;

// An argument, or a field of an input object.
struct InputField {
  std::string name;
  std::string description;
  std::string type_text;
  std::string default_text;  // a constant as written; "" none
  const Type* type = nullptr;
  const Input* default_value = nullptr;

  bool is_required() const;
};

inline constexpr int kPageItems = -1;

struct Field {
  std::string name;
  std::string description;
  std::string type_text;
  Resolver resolve = nullptr;
  std::string deprecation = {};
  std::vector<InputField> arguments = {};
  int items = 0;
  bool paged = false;
  const Type* type = nullptr;

  const InputField* argument(std::string_view wanted) const;
};

struct EnumValue {
  std::string name;
  std::string description;
};

struct Type {
  TypeKind kind = TypeKind::scalar;
  std::string name;
  std::string description;
  const Type* of = nullptr;  // list, non_null
  Scalar scalar = Scalar::none;
  std::string specified_by;              // scalar; "" none
  std::vector<Field> fields;             // object, interface
  std::vector<InputField> input_fields;  // input object
  std::vector<EnumValue> values;         // enumeration
  std::vector<std::string> interface_names;
  std::vector<const Type*> interfaces;
  std::vector<const Type*> possible;  // of an interface: its objects

  const Field* field(std::string_view wanted) const;
  const InputField* input_field(std::string_view wanted) const;
  bool has_value(std::string_view wanted) const;
  bool is_composite() const { return kind == TypeKind::object || kind == TypeKind::interface; }
  bool is_leaf() const { return kind == TypeKind::scalar || kind == TypeKind::enumeration; }
  bool is_input() const { return is_leaf() || kind == TypeKind::input_object; }
  bool is_non_null() const { return kind == TypeKind::non_null; }
  bool is_list() const { return kind == TypeKind::list; }
  // Without list and non-null around it.
  const Type& named() const;
  const Type& nullable() const { return is_non_null() ? *of : *this; }
  std::string to_string() const;  // "[Target!]!"
};

struct Directive {
  std::string name;
  std::string description;
  std::vector<std::string> locations;  // "FIELD"
  std::vector<InputField> arguments;
  bool built_in = true;

  const InputField* argument(std::string_view wanted) const;
};

class Schema {
 public:
  const Type* find(std::string_view name) const;
  const Directive* directive(std::string_view name) const;
  const Type& query() const { return *query_; }
  const Type* mutation() const { return mutation_; }
  // The field as it can be selected there: with __typename, and with __schema and __type at the
  // root of a query.
  const Field* field(const Type& parent, std::string_view name) const;
  // In the order they were described; the built-in ones last.
  const std::vector<const Type*>& types() const { return types_; }
  const std::deque<Directive>& directives() const { return directives_; }

 private:
  friend class SchemaBuilder;

  std::deque<Type> storage_;
  std::vector<const Type*> types_;
  std::map<std::string, Type*, std::less<>> by_name_;
  std::deque<Directive> directives_;
  std::deque<Field> meta_fields_;  // __typename, __schema, __type
  const Type* query_ = nullptr;
  const Type* mutation_ = nullptr;
  std::map<std::pair<TypeKind, const Type*>, const Type*> wrappers_;
  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
};

class SchemaBuilder {
 public:
  // Speaks of one type, and of the last field or input field that was added to it.
  class TypeBuilder {
   public:
    explicit TypeBuilder(Type& type) : type_(type) {}
    TypeBuilder& implements(std::string_view interface);
    TypeBuilder& field(std::string_view name, std::string_view type, std::string_view description,
                       Resolver resolve = nullptr);
    TypeBuilder& argument(std::string_view name, std::string_view type,
                          std::string_view description, std::string_view default_text = {});
    TypeBuilder& items(int typical);
    TypeBuilder& paged();
    TypeBuilder& input(std::string_view name, std::string_view type, std::string_view description,
                       std::string_view default_text = {});
    TypeBuilder& value(std::string_view name, std::string_view description);
    TypeBuilder& specified_by(std::string_view url);

   private:
    Type& type_;
  };

  SchemaBuilder();
  ~SchemaBuilder();
  SchemaBuilder(const SchemaBuilder&) = delete;
  SchemaBuilder& operator=(const SchemaBuilder&) = delete;

  TypeBuilder object(std::string_view name, std::string_view description);
  TypeBuilder interface(std::string_view name, std::string_view description);
  TypeBuilder enumeration(std::string_view name, std::string_view description);
  TypeBuilder input_object(std::string_view name, std::string_view description);
  // A scalar whose values are JSON strings.
  TypeBuilder scalar(std::string_view name, std::string_view description);

  // "Query" and, if there is one, "Mutation" are the roots.
  std::unique_ptr<const Schema> finish() &&;

 private:
  Type& add(TypeKind kind, std::string_view name, std::string_view description);
  void add_built_in_scalars();
  void add_built_in_directives();
  void tie(InputField& input);
  void tie(Type& type);
  const Type* type_named(std::string_view text);
  const Type* wrap(const TypeNode& node);

  std::unique_ptr<Schema> schema_;
};

}  // namespace keywright::graphql
