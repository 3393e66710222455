// json/schema.h - JSON Schema (2020-12) of described types, for OpenAPI 3.1 and for MCP tools.
//
//   // One schema that needs nothing else, with "$defs" for the types inside it:
//   write_schema(type_of<CreateKey>(), writer, {.form = Form::request, .all_places = true});
//
//   // Many schemas that share components: first say all that will be used, then write.
//   SchemaSet schemas;
//   schemas.use(type_of<CreateKey>(), Form::request);
//   schemas.use(type_of<KeyView>(), Form::response);
//   schemas.write_reference(type_of<CreateKey>(), Form::request, writer);
//   schemas.write_components(writer);             // {"CreateKey":{...},"KeyView":{...}}
//
// A component has the name of its struct. A struct used in requests and in responses is two
// components: "Limit" (response) and "LimitInput" (request). Two structs of one name are told apart
// by a number in order of use; better rename one.
//
// The request form lists what must be sent, refuses other properties, and leaves out read_only and
// stored_only fields; path and query fields only with all_places. The response form leaves out
// write_only and stored_only, and lists as required all fields but Patches.
//
// Threading: a SchemaSet is used by one thread. Cost: for start-up and tools, not for requests.
// The text depends on the descriptions only, so it can be kept in golden files.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/type.h"
#include "json/writer.h"

namespace keywright::json {

struct SchemaOptions {
  Form form = Form::request;
  bool all_places = false;
};

class SchemaSet {
 public:
  // `reference_prefix` stands before component names: "#/$defs/" in a schema of its own.
  explicit SchemaSet(std::string_view reference_prefix = "#/components/schemas/",
                     bool all_places = false)
      : reference_prefix_(reference_prefix), all_places_(all_places) {}

  // Registers `type` and everything in it.
  void use(const Type& type, Form form);

  // Structs and enumerations as {"$ref":"..."}, anything else in place.
  void write_reference(const Type& type, Form form, Writer& writer) const;

  // The schema of one field with its rules. An OpenAPI parameter carries description and
  // "deprecated" itself: `annotated` false leaves them out.
  void write_field(const Field& field, Form form, Writer& writer, bool annotated = true) const;

  // An object of all components, in the order of their names.
  void write_components(Writer& writer) const;

  // Struct or enumeration in full, not as a reference.
  void write_type(const Type& type, Form form, Writer& writer) const;

  friend void write_schema(const Type& type, Writer& writer, SchemaOptions options);

 private:
  using Key = std::pair<const Type*, Form>;

  void add(const Type& type, Form form);
  void name_components();
  void write_fields(const Type& type, Form form, Writer& writer) const;
  void write_shape(const Type& type, const Field& rules, Form form, bool nullable,
                   Writer& writer) const;

  std::string reference_prefix_;
  bool all_places_;
  std::vector<Key> used_;  // in the order of first use
  std::map<Key, std::string> names_;
};

void write_schema(const Type& type, Writer& writer, SchemaOptions options = {});

}  // namespace keywright::json
