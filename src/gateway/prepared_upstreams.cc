#include "gateway/prepared_upstreams.h"

#include <unordered_map>

#include <fmt/format.h>

#include "app/upstream.h"
#include "base/encoding.h"

namespace keywright::gateway {

namespace {

constexpr std::size_t kPreparedMax = 4096;  // by thread; then it begins anew

struct Place {
  const PreparedUpstreams* owner = nullptr;
  std::unordered_map<Uuid, PreparedUpstream> by_id;
};

}  // namespace

Result<PreparedUpstream> PreparedUpstreams::make(const app::Directory& directory,
                                                 const UpstreamRecord& record) const {
  PreparedUpstream made;
  const std::string place = fmt::format("{}/{}", record.type, record.id.to_string());
  KW_TRY(UpstreamTarget target, target_of(place, record.url, allowed_));
  made.target = std::make_shared<const UpstreamTarget>(std::move(target));
  KW_TRY(app::Upstream parts, app::parse_upstream("url", record.url, allowed_));
  made.path = parts.path.empty() ? "/" : std::move(parts.path);
  made.url = record.url;
  made.sealed_headers = record.sealed_headers;
  for (const auto& [name, sealed] : record.sealed_headers) {
    KW_TRY(const std::vector<std::uint8_t> bytes, decode_base64url(sealed));
    KW_TRY(Secret<std::string> value,
           directory.keyring().sealer().open(view_text(bytes),
                                             fmt::format("{}/header/{}", place, name)));
    made.headers.emplace_back(name, std::move(value));
  }
  return made;
}

Result<const PreparedUpstream*> PreparedUpstreams::prepare(const app::Directory& directory,
                                                           const UpstreamRecord& record) const {
  thread_local Place place;
  if (place.owner != this || place.by_id.size() > kPreparedMax) {
    place.by_id.clear();
    place.owner = this;
  }
  const std::uint64_t epoch = directory.epoch();
  const auto found = place.by_id.find(record.id);
  if (found != place.by_id.end()) {
    PreparedUpstream& known = found->second;
    if (known.epoch == epoch ||
        (known.url == record.url && known.sealed_headers == record.sealed_headers)) {
      known.epoch = epoch;
      return &known;
    }
    place.by_id.erase(found);
  }
  KW_TRY(PreparedUpstream made, make(directory, record));
  made.epoch = epoch;
  return &place.by_id.emplace(record.id, std::move(made)).first->second;
}

}  // namespace keywright::gateway
