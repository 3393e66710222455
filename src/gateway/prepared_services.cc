#include "gateway/prepared_services.h"

#include <unordered_map>

#include <fmt/format.h>

#include "base/encoding.h"

namespace keywright::gateway {

namespace {

constexpr std::size_t kPreparedMax = 4096;  // by thread; then it begins anew

struct Place {
  const PreparedServices* owner = nullptr;
  std::unordered_map<Uuid, PreparedService> by_id;
};

}  // namespace

Result<PreparedService> PreparedServices::make(const app::Directory& directory,
                                               const domain::Service& service) const {
  PreparedService made;
  const std::string place = "service/" + service.id.to_string();
  KW_TRY(UpstreamTarget target, target_of(place, service.upstream_url, allowed_));
  made.target = std::make_shared<const UpstreamTarget>(std::move(target));
  made.upstream_url = service.upstream_url;
  made.sealed_headers = service.sealed_headers;
  for (const auto& [name, sealed] : service.sealed_headers) {
    KW_TRY(const std::vector<std::uint8_t> bytes, decode_base64url(sealed));
    KW_TRY(Secret<std::string> value,
           directory.keyring().sealer().open(view_text(bytes),
                                             fmt::format("{}/header/{}", place, name)));
    made.headers.emplace_back(name, std::move(value));
  }
  return made;
}

Result<const PreparedService*> PreparedServices::prepare(const app::Directory& directory,
                                                         const domain::Service& service) const {
  thread_local Place place;
  if (place.owner != this || place.by_id.size() > kPreparedMax) {
    place.by_id.clear();
    place.owner = this;
  }
  const std::uint64_t epoch = directory.epoch();
  const auto found = place.by_id.find(service.id.value);
  if (found != place.by_id.end()) {
    PreparedService& known = found->second;
    if (known.epoch == epoch || (known.upstream_url == service.upstream_url &&
                                 known.sealed_headers == service.sealed_headers)) {
      known.epoch = epoch;
      return &known;
    }
    place.by_id.erase(found);
  }
  KW_TRY(PreparedService made, make(directory, service));
  made.epoch = epoch;
  return &place.by_id.emplace(service.id.value, std::move(made)).first->second;
}

}  // namespace keywright::gateway
