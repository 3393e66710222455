// Packs of audit events as a damaged or altered database may hold them: reading them never crashes,
// and what was read is the same when it is packed again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "domain/audit/event.h"
#include "store/sqlite/audit_pack.h"

namespace keywright::store {
namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void reads_back(ByteView bytes) {
  const Time time = from_unix_milliseconds(1'790'000'000'000);
  const auto events = read_pack(7, time, bytes);
  if (!events) return;
  PackWriter pack;
  for (const StoredEvent& stored : *events) pack.add(stored.event, stored.hash);
  const auto again = read_pack(7, time, pack.bytes());
  expect(again && again->size() == events->size(), "a pack reads back");
  for (std::size_t i = 0; i < events->size(); ++i) {
    const StoredEvent& left = (*events)[i];
    const StoredEvent& right = (*again)[i];
    expect(left.number == right.number && left.hash == right.hash, "with its places and hashes");
    expect(canonical_form(left.event) == canonical_form(right.event), "and its events");
  }
}

}  // namespace
}  // namespace keywright::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  keywright::store::reads_back({data, size});
  return 0;
}
