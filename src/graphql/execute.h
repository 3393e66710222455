// graphql/execute.h - runs one operation of a valid document and writes its answer.
//
//   Execution execution(schema, prepared, text, arena, &request);
//   while (!execution.advance()) co_await execution.wait();
//   execution.write(out);                  // {"data":{...},"errors":[...]}
//
//   Value target_url(Resolving& field) { return Value::text(field.parent<Target>().url); }
//   Value targets(Resolving& field) {
//     const Outcome* page = field.later("targets/" + id, [=] { return read_targets(id); });
//     if (page == nullptr) return Value::waiting();
//     if (!*page) return field.fail(page->error());
//     return Value::object(page->value().get());
//   }
//
// A resolver answers from memory, at once, or says what it needs. advance() walks the whole
// selection; if somebody waits, what was written is thrown away, wait() fetches everything that was
// asked for, and the next walk finds it. So an operation that needs nothing never suspends, equal
// reads are made once, and what is written is looked at in one moment: pointers to records stand
// for the length of a walk, and rights can be asked in the walk that is sent.
// The fields of a mutation run one after the other; what one of them needed is forgotten before the
// next.
//
// Errors of resolvers become entries of `errors` with place and path; null goes up to the nearest
// field that may be null.
// Threading: one thread; wait() resumes on the thread that called it.
// Lifetime: document, text, arena, schema and context outlive the execution. Outcomes live as long
// as the execution, or to the end of their mutation field.
// Cost: a walk is about 0.1 us for each field.
// Source: GraphQL specification, section 6.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "graphql/prepare.h"

namespace keywright::graphql {

class Execution;
struct Group;
struct Path;
struct Plan;

using Outcome = Result<std::shared_ptr<const void>>;
using Ask = std::function<Task<Outcome>()>;

// What a resolver answers. Texts and lists must outlive the walk: of records, or kept by the field.
class Value {
 public:
  enum class Kind : unsigned char {
    null,
    text,
    integer,
    number,
    boolean,
    list,
    object,
    failed,
    waiting,
  };

  static Value null() { return Value(Kind::null); }
  static Value waiting() { return Value(Kind::waiting); }
  static Value text(std::string_view text) {
    Value value(Kind::text);
    value.text_ = text;
    return value;
  }
  static Value integer(std::int64_t number) {
    Value value(Kind::integer);
    value.integer_ = number;
    return value;
  }
  static Value number(double number) {
    Value value(Kind::number);
    value.number_ = number;
    return value;
  }
  static Value boolean(bool boolean) {
    Value value(Kind::boolean);
    value.integer_ = boolean ? 1 : 0;
    return value;
  }
  // `type` says which object it is where the field's type is an interface.
  static Value object(const void* object, const Type* type = nullptr) {
    Value value(Kind::object);
    value.object_ = object;
    value.type_ = type;
    return value;
  }
  static Value list(std::span<const Value> items) {
    Value value(Kind::list);
    value.items_ = items.data();
    value.count_ = items.size();
    return value;
  }

  Value() : Value(Kind::null) {}
  Kind kind() const { return kind_; }

 private:
  friend class Execution;
  friend class Resolving;
  explicit Value(Kind kind) : kind_(kind), integer_(0) {}

  Kind kind_;
  std::size_t count_ = 0;  // of a list; the place of the fault
  const Type* type_ = nullptr;
  std::string_view text_;
  union {
    std::int64_t integer_;
    double number_;
    const void* object_;
    const Value* items_;
  };
};

// One field being answered.
class Resolving {
 public:
  template <class T>
  const T& parent() const {
    return *static_cast<const T*>(parent_);
  }
  template <class T>
  T& context() const {
    return *static_cast<T*>(context_);
  }
  const Schema& schema() const;
  const Input* argument(std::string_view name) const { return arguments_.find(name); }
  std::string_view argument_text(std::string_view name) const { return arguments_.text_of(name); }
  bool argument_is_true(std::string_view name) const;
  std::string_view response_name() const;

  std::string_view keep(std::string_view text) { return arena_.keep(text); }
  std::span<Value> make_list(std::size_t count) { return arena_.make_array<Value>(count); }
  Arena& arena() { return arena_; }

  Value fail(std::string_view code, std::string_view message, std::string_view input_field = {});

  // What was found under this key; null: it is asked for now, and the field is waiting.
  const Outcome* later(const std::string& key, Ask ask);

 private:
  friend class Execution;
  Resolving(Execution& execution, const Group& group, const void* parent, void* context,
            const Input& arguments, Arena& arena)
      : execution_(execution),
        group_(group),
        parent_(parent),
        context_(context),
        arguments_(arguments),
        arena_(arena) {}

  Execution& execution_;
  const Group& group_;
  const void* parent_;
  void* context_;
  const Input& arguments_;
  Arena& arena_;
};

class Execution {
 public:
  // `root`: the parent of the fields of Query and Mutation.
  Execution(const Schema& schema, const Prepared& prepared, std::string_view text, Arena& arena,
            void* context, const void* root = nullptr);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  // One walk. True: everything is answered. False: somebody waits.
  bool advance();
  Task<void> wait();
  void write(std::string& out) const;

 private:
  friend class Resolving;
  struct Wanted {
    std::string key;
    Ask ask;
  };

  Plan* plan_of(Group& group, const Type& type);
  void collect(const Type& type, const SelectionSet& set, Plan& plan,
               std::vector<const FragmentNode*>& visited);
  void add_to_group(Plan& plan, Selection& field, const Type& type);
  bool is_wanted(const Selection& selection) const;
  bool applies(const Type* condition, const Type& type) const;

  bool walk_query();
  bool walk_mutation();
  bool execute_plan(const Plan& plan, const void* object, const Path* path);
  bool execute_field(Group& group, const void* object, const Path* path);
  bool read_arguments(Group& group, const Path& path);
  bool complete(const Type& type, Group& group, const Value& value, const Path& path);
  bool complete_list(const Type& type, Group& group, const Value& value, const Path& path);
  bool complete_object(const Type& type, Group& group, const Value& value, const Path& path);
  bool nothing(const Type& type);
  void add_fault(Fault fault, const Group& group, const Path& path);

  const Schema& schema_;
  const Prepared& prepared_;
  std::string_view text_;
  Arena& arena_;
  void* context_;
  const void* root_;
  Plan* root_plan_ = nullptr;
  Group* next_root_ = nullptr;  // of a mutation
  bool failed_ = false;         // null went all the way up

  std::string out_;
  std::vector<Fault> faults_;
  std::vector<Fault> raised_;  // by resolvers in this walk
  bool waits_ = false;
  std::vector<Wanted> wanted_;
  std::map<std::string, Outcome, std::less<>> outcomes_;
};

}  // namespace keywright::graphql
