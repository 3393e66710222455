// traces/wire.h - reads the protobuf wire format, field by field, from bytes nobody vouches for.
//
//   WireReader reader(bytes);
//   while (reader.next()) {
//     if (reader.number() == 1) use(reader.bytes());
//   }
//   if (reader.failed()) refuse();
//
// bytes(), fixed64() and the others ask for the wire type that the field must have; another one
// makes the reader fail, as does every length that leads beyond the end. Nothing is copied, and
// nothing is kept of what is not asked for: unknown fields are skipped, groups, which nobody sends
// any more, among them, to a depth of kGroupDepthMax. Writing needs no more than the two functions
// below.
//
// Threading: one thread. Lifetime: views into the input. Cost: a few ns a field, no allocation.
// Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keywright::traces {

inline constexpr int kGroupDepthMax = 64;

class WireReader {
 public:
  explicit WireReader(std::string_view input) : rest_(input) {}

  // False at the end, and once something was wrong.
  bool next();
  bool failed() const { return failed_; }
  std::uint32_t number() const { return number_; }

  // The value of the field. Of another wire type: fails, and yields nothing.
  std::string_view bytes();
  std::uint64_t varint();
  std::uint64_t fixed64();
  std::uint32_t fixed32();

 private:
  enum class Type : unsigned char {
    varint = 0,
    fixed64 = 1,
    bytes = 2,
    group = 3,
    end_of_group = 4,
    fixed32 = 5
  };

  bool read_tag();
  bool read_value();
  bool skip_group();
  bool read_varint(std::uint64_t& value);
  bool take(std::size_t size, std::string_view& piece);
  bool fail();
  bool is(Type type);

  std::string_view rest_;
  std::uint32_t number_ = 0;
  Type type_ = Type::varint;
  std::uint64_t value_ = 0;
  std::string_view bytes_;
  bool failed_ = false;
};

void append_wire_varint(std::string& out, std::uint32_t number, std::uint64_t value);
void append_wire_bytes(std::string& out, std::uint32_t number, std::string_view bytes);

}  // namespace keywright::traces
