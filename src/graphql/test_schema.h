// graphql/test_schema.h - a small schema for the tests of this room: people, pets and their names.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "graphql/execute.h"
#include "graphql/parser.h"

namespace keywright::graphql {

struct TestPet {
  std::string name;
  int age = 0;
  bool cat = false;
};

// What the resolvers look at.
struct TestWorld {
  TestPet pets[3] = {{"Tom", 3, true}, {"Rex", 5, false}, {"Ada", 7, true}};
  int reads = 0;     // of what is asked for later
  std::string done;  // by mutations, in order
};

inline Task<Outcome> read_slowly(TestWorld& world, std::string text) {
  ++world.reads;
  co_return Outcome(std::make_shared<const std::string>(std::move(text)));
}

inline Value pet_value(Resolving& field, const TestPet& pet) {
  return Value::object(&pet, field.schema().find(pet.cat ? "Cat" : "Dog"));
}

inline void add_test_roots(SchemaBuilder& builder) {
  builder.object("Query", "Roots.")
      .field("pets", "[Pet!]!", "All.",
             [](Resolving& field) {
               auto list = field.make_list(3);
               auto& world = field.context<TestWorld>();
               for (int i = 0; i < 3; ++i) list[i] = pet_value(field, world.pets[i]);
               return Value::list(list);
             })
      .argument("first", "Int", "How many.", "2")
      .paged()
      .items(kPageItems)
      .field("pet", "Pet", "One.",
             [](Resolving& field) {
               const Input* index = field.argument("index");
               if (index->integer > 2) return Value::null();
               return pet_value(field, field.context<TestWorld>().pets[index->integer]);
             })
      .argument("index", "Int!", "Which.")
      .field("echo", "String", "Says what it was given.",
             [](Resolving& field) {
               const Input* what = field.argument("what");
               if (what == nullptr) return Value::text("nothing");
               const Input* text = what->find("text");
               const Input* many = what->find("many");
               std::string said =
                   text == nullptr || text->is_null() ? "null" : std::string(text->text);
               for (const auto* item = many == nullptr ? nullptr : many->members; item;
                    item = item->next) {
                 said += "," + std::to_string(item->value.integer);
               }
               return Value::text(field.keep(said));
             })
      .argument("what", "Thing", "What to say.");
  builder.object("Mutation", "Changes.")
      .field("change", "Cat", "Changes something.",
             [](Resolving& field) {
               auto& world = field.context<TestWorld>();
               const std::string text(field.argument_text("text"));
               const std::string key = "change " + std::string(field.response_name());
               const Outcome* read = field.later(key, [&world, text] {
                 world.done += text;
                 return read_slowly(world, text);
               });
               return read == nullptr ? Value::waiting() : Value::object(&world.pets[0]);
             })
      .argument("text", "String!", "What.");
}

inline void add_test_pets(SchemaBuilder& builder) {
  const auto name = [](Resolving& field) { return Value::text(field.parent<TestPet>().name); };
  const auto age = [](Resolving& field) { return Value::integer(field.parent<TestPet>().age); };
  const auto broken = [](Resolving& field) { return field.fail("CONFLICT", "broken", "input"); };
  const auto slow = [](Resolving& field) {
    auto& world = field.context<TestWorld>();
    const std::string text = field.parent<TestPet>().name;
    const Outcome* read = field.later(text, [&world, text] { return read_slowly(world, text); });
    if (read == nullptr) return Value::waiting();
    return Value::text(*static_cast<const std::string*>(read->value().get()));
  };
  builder.interface("Pet", "An animal.")
      .field("name", "String!", "Its name.")
      .field("slow", "String!", "Its name, read from afar.")
      .field("friend", "Pet", "Another one.");
  for (const char* type : {"Cat", "Dog"}) {
    builder.object(type, "A pet.")
        .implements("Pet")
        .field("name", "String!", "Its name.", name)
        .field("slow", "String!", "Its name, read from afar.", slow)
        .field(
            "friend", "Pet", "Another one.",
            [](Resolving& field) { return pet_value(field, field.context<TestWorld>().pets[1]); })
        .field("age", *type == 'C' ? "Int" : "Int!", "Its age.", age)
        .field("broken", "String", "Fails.", broken)
        .field("brokenToo", "String!", "Fails, and takes its parent along.", broken);
  }
}

inline std::unique_ptr<const Schema> test_schema() {
  SchemaBuilder builder;
  add_test_roots(builder);
  add_test_pets(builder);
  builder.enumeration("Colour", "A colour.").value("RED", "").value("BLUE", "");
  builder.input_object("Thing", "Something.")
      .input("text", "String!", "A text.", "\"none\"")
      .input("many", "[Int!]", "Numbers.")
      .input("colour", "Colour", "A colour.")
      .input("needed", "Boolean", "A truth.", "true");
  return std::move(builder).finish();
}

}  // namespace keywright::graphql
