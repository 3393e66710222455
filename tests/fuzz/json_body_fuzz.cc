// Untrusted JSON bodies: reading them never crashes, all readers agree on what is JSON, and what
// was decoded comes back the same from its own encoding.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "json/codec.h"
#include "json/lenient.h"
#include "json/malformed.h"
#include "json/reader.h"

namespace keywright::json {
namespace {

enum class Color : unsigned char { red, green, dark_blue };
KW_DESCRIBE_ENUM(Color, red, green, {dark_blue, "dark-blue"})

struct Leaf {
  std::string name;
  std::vector<Leaf> leaves;
};
KW_DESCRIBE(Leaf, field<&Leaf::name>("name", "", required, non_blank, max_length(8)),
            field<&Leaf::leaves>("leaves", "", max_items(3)))

// Its defaults keep the rules, so that whatever was accepted can be sent on.
struct Everything {
  bool flag = false;
  std::int32_t small = 0;
  std::int64_t large = 0;
  std::uint32_t natural = 0;
  std::uint64_t huge = 0;
  double ratio = 0;
  std::string name = "nn";
  Time at;
  Id<struct ThingTag> thing;
  Color color = Color::red;
  std::vector<std::string> words{"w"};
  std::vector<std::vector<std::int64_t>> table;
  std::optional<Time> until;
  std::optional<std::string> must;
  Patch<std::string> note;
  Patch<std::vector<Color>> colors;
  Leaf leaf{"l", {}};
  std::optional<Leaf> spare;
  std::map<std::string, std::string> labels;
  std::map<std::string, Raw> extra;
  Raw raw;
  Raw object;
  Secret<std::string> password;
  std::string status;
  std::string hash;
  std::optional<Cidr> network;
  std::optional<IpAddress> address;
};
KW_DESCRIBE(Everything, field<&Everything::flag>("flag", ""),
            field<&Everything::small>("small", "", minimum(-5), maximum(5)),
            field<&Everything::large>("large", ""), field<&Everything::natural>("natural", ""),
            field<&Everything::huge>("huge", ""), field<&Everything::ratio>("ratio", ""),
            field<&Everything::name>("name", "", non_blank, min_length(2), max_length(10)),
            field<&Everything::at>("at", ""), field<&Everything::thing>("thing", ""),
            field<&Everything::color>("color", ""),
            field<&Everything::words>("words", "", min_items(1), max_items(4), max_length(5)),
            field<&Everything::table>("table", ""), field<&Everything::until>("until", ""),
            field<&Everything::must>("must", "", required),
            field<&Everything::note>("note", "", max_length(5)),
            field<&Everything::colors>("colors", "", not_null),
            field<&Everything::leaf>("leaf", ""), field<&Everything::spare>("spare", ""),
            field<&Everything::labels>("labels", ""), field<&Everything::extra>("extra", ""),
            field<&Everything::raw>("raw", "", max_length(100)),
            field<&Everything::object>("object", "", object_only),
            field<&Everything::password>("password", "", write_only, max_length(20)),
            field<&Everything::status>("status", "", read_only),
            field<&Everything::hash>("hash", "", stored_only),
            field<&Everything::network>("network", ""), field<&Everything::address>("address", ""))

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// What duplicates hide from the second reader is not a disagreement.
bool is_duplicate(const Error& error) { return error.detail().ends_with(" twice."); }

void readers_agree(std::string_view text) {
  const Result<Raw> raw = Raw::parse(text);
  const bool well_formed = raw || is_duplicate(raw.error());
  expect(well_formed == !find_malformed(text), "the readers disagree");
  const std::string copy(text);
  Reader in(copy);
  in.skip();
  expect(in.finished() == raw.has_value(), "the reader that walks disagrees");
  expect(parse_leniently(text).has_value() || !raw, "the lenient one refuses what is JSON");
  if (!raw) return;
  const Result<Raw> again = Raw::parse(raw->view());
  expect(again && *again == *raw, "compact text does not read back as itself");
}

void survives(const Everything& object, Form form) {
  const std::string text = encode(object, {.form = form});
  const auto again = decode<Everything>(text, {.form = form});
  expect(again.has_value(), "own encoding is refused");
  expect(encode(*again, {.form = form}) == text, "own encoding reads back differently");
  expect(encode(*again, {.form = Form::response}) == encode(object, {.form = Form::response}) ||
             form != Form::store,
         "the store loses something");
}

void codec_agrees(std::string_view text) {
  for (const Form form : {Form::request, Form::store}) {
    const auto object = decode<Everything>(text, {.form = form});
    if (object) {
      survives(*object, form);
      survives(*object, Form::store);
    } else {
      expect(object.error().code() == Code::invalid_argument, "not the caller's mistake");
      expect(!object.error().detail().empty(), "an error without words");
    }
  }
}

}  // namespace
}  // namespace keywright::json

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  keywright::json::readers_agree(text);
  keywright::json::codec_agrees(text);
  return 0;
}
