#include "graphql/fault.h"

#include "json/writer.h"

namespace keywright::graphql {

Location locate(std::string_view text, std::uint32_t offset) {
  Location location;
  const std::size_t end = offset < text.size() ? offset : text.size();
  for (std::size_t i = 0; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool first_of_two = byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (byte == '\n' || (byte == '\r' && !first_of_two)) {
      ++location.line;
      location.column = 1;
    } else if (byte < 0x80 || byte >= 0xC0) {  // not the rest of a character
      location.column += byte >= 0xF0 ? 2 : 1;
    }
  }
  return location;
}

void write_fault(std::string& out, const Fault& fault, std::string_view text) {
  json::Writer writer(out);
  writer.begin_object().key("message").string(fault.message);
  if (!fault.at.empty()) {
    writer.key("locations").begin_array();
    for (std::uint32_t offset : fault.at) {
      const Location location = locate(text, offset);
      writer.begin_object().key("line").unsigned_integer(location.line);
      writer.key("column").unsigned_integer(location.column).end_object();
    }
    writer.end_array();
  }
  if (!fault.path.empty()) writer.key("path").raw(fault.path);
  writer.key("extensions").begin_object().key("code").string(fault.code);
  if (!fault.field.empty()) writer.key("field").string(fault.field);
  writer.end_object().end_object();
}

void write_refusal(std::string& out, const std::vector<Fault>& faults, std::string_view text) {
  out += R"({"errors":[)";
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (i != 0) out += ',';
    write_fault(out, faults[i], text);
  }
  out += "]}";
}

}  // namespace keywright::graphql
