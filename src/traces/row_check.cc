#include "traces/row_check.h"

#include <algorithm>
#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace keywright::traces {
namespace {

// What is checked, as bytes. The first one tells kinds of rows apart, and forms of this.
class Fields {
 public:
  explicit Fields(char kind) {
    bytes_.reserve(256);
    bytes_ += kind;
  }

  Fields& add(std::int64_t number) {
    for (int i = 0; i < 8; ++i) bytes_ += static_cast<char>(number >> (8 * i));
    return *this;
  }
  Fields& add(std::string_view text) {
    add(static_cast<std::int64_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  Fields& add(const Uuid& id) {
    bytes_ += view_text(bytes_of(id));
    return *this;
  }
  Fields& add(const TextMarks& text) {
    return add(text.size).add(text.checksum).add(std::int64_t{text.compressed});
  }

  std::int64_t check() const { return crc32(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace

std::int64_t check_of(const TraceRow& row) {
  Fields fields('t');
  fields.add(row.number).add(row.id).add(row.project.value).add(row.platform.value);
  fields.add(static_cast<std::int64_t>(row.source)).add(row.external_id).add(row.name);
  fields.add(row.status).add(row.key_id).add(row.routed_by).add(join_warnings(row.warnings));
  fields.add(row.span_count).add(row.size_bytes).add(row.revision);
  return fields.add(to_unix_milliseconds(row.updated_at)).check();
}

std::int64_t check_of(const SpanMarks& span) {
  Fields fields('s');
  fields.add(span.trace).add(span.span_id).add(span.start).add(span.context);
  return fields.add(span.text).check();
}

std::int64_t check_of_body(Number trace, const TextMarks& text) {
  return Fields('b').add(trace).add(text).check();
}

Uuid id_of_context(std::string_view context) {
  const crypto::Sha256 digest = crypto::sha256(context);
  Uuid id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

}  // namespace keywright::traces
