#include "json/codec.h"

namespace keywright::json {
namespace {

class Encoder {
 public:
  Encoder(Writer& writer, EncodeOptions options) : writer_(writer), options_(options) {}

  void value(const Type& type, const void* object);

 private:
  void object(const Type& type, const void* object);
  void enumerator(const Type& type, const void* object);
  // An unset Patch never is in a document; an empty optional is in a request only if it has to be.
  bool is_absent(const Field& field, const Type& type, const void* object) const;

  Writer& writer_;
  EncodeOptions options_;
};

void Encoder::value(const Type& type, const void* object) {
  switch (type.shape) {
    case Shape::boolean: writer_.boolean(*static_cast<const bool*>(object)); return;
    case Shape::int32: writer_.integer(*static_cast<const std::int32_t*>(object)); return;
    case Shape::int64: writer_.integer(*static_cast<const std::int64_t*>(object)); return;
    case Shape::uint32: writer_.integer(*static_cast<const std::uint32_t*>(object)); return;
    case Shape::uint64:
      writer_.unsigned_integer(*static_cast<const std::uint64_t*>(object));
      return;
    case Shape::number: writer_.number(*static_cast<const double*>(object)); return;
    case Shape::string: writer_.string(*static_cast<const std::string*>(object)); return;
    case Shape::secret: writer_.string(type.secret->reveal(object)); return;
    case Shape::text: writer_.text(object, type.text->append); return;
    case Shape::enumeration: return enumerator(type, object);
    case Shape::list: {
      writer_.begin_array();
      const Type& element = type.element();
      const std::size_t size = type.list->size(object);
      for (std::size_t i = 0; i < size; ++i) value(element, type.list->at(object, i));
      writer_.end_array();
      return;
    }
    case Shape::optional:
    case Shape::patch:
      if (const void* inner = type.optional->value(object)) return value(type.element(), inner);
      writer_.null();
      return;
    case Shape::map: {
      struct Context {
        Encoder* encoder;
        const Type* element;
      } context{this, &type.element()};
      writer_.begin_object();
      type.map->visit(
          object,
          [](void* opaque, std::string_view key, const void* inner) {
            const auto& [encoder, element] = *static_cast<Context*>(opaque);
            encoder->writer_.key(key);
            encoder->value(*element, inner);
          },
          &context);
      writer_.end_object();
      return;
    }
    case Shape::object: return this->object(type, object);
    case Shape::raw: writer_.raw(static_cast<const Raw*>(object)->view()); return;
  }
}

void Encoder::object(const Type& type, const void* object) {
  writer_.begin_object();
  for (const Field& field : type.fields) {
    if (!field.is_in(options_.form, options_.all_places)) continue;
    const Type& inner = field.type();
    const void* member = field.member_of(object);
    if (is_absent(field, inner, member)) continue;
    writer_.key(field.name);
    value(inner, member);
  }
  writer_.end_object();
}

bool Encoder::is_absent(const Field& field, const Type& type, const void* object) const {
  if (type.shape == Shape::patch) return type.optional->is_unset(object);
  return type.shape == Shape::optional && options_.form == Form::request && !field.required &&
         type.optional->value(object) == nullptr;
}

void Encoder::enumerator(const Type& type, const void* object) {
  const std::int64_t value = type.enumeration->get(object);
  for (const EnumName& name : type.names) {
    if (name.value == value) {
      writer_.string(name.name);
      return;
    }
  }
  writer_.null();  // a value outside the description
}

}  // namespace

void encode(const Type& type, const void* object, Writer& writer, EncodeOptions options) {
  Encoder(writer, options).value(type, object);
}

}  // namespace keywright::json
