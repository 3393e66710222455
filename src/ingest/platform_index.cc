#include "ingest/platform_index.h"

#include <functional>

namespace keywright::ingest {
namespace {

std::size_t mixed(domain::ProjectId project, std::string_view text, std::size_t salt) {
  return std::hash<std::string_view>()(text) * 31 + hash_value(project) + salt;
}

}  // namespace

std::size_t PlatformIndex::hash_of_flow(domain::ProjectId project, std::string_view external_id) {
  return mixed(project, external_id, 1);
}

std::size_t PlatformIndex::hash_of_service(domain::ProjectId project, std::string_view name) {
  return mixed(project, name, 2);
}

std::shared_ptr<const PlatformIndex::Built> PlatformIndex::current() const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t epoch = directory_.epoch();
  if (built_ != nullptr && built_->epoch == epoch) return built_;
  auto fresh = std::make_shared<Built>();
  fresh->epoch = epoch;
  directory_.table<domain::Platform>().for_each([&](const domain::Platform& platform) {
    if (platform.external_id) {
      fresh->ids.emplace(hash_of_flow(platform.project_id, *platform.external_id), platform.id);
    }
    if (platform.service_name) {
      fresh->ids.emplace(hash_of_service(platform.project_id, *platform.service_name), platform.id);
    }
  });
  built_ = std::move(fresh);
  return built_;
}

std::vector<const domain::Platform*> PlatformIndex::find(
    std::size_t hash, const std::function<bool(const domain::Platform&)>& accept) const {
  const auto built = current();
  std::vector<const domain::Platform*> found;
  const auto [first, last] = built->ids.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    const domain::Platform* platform = directory_.find<domain::Platform>(at->second.value);
    if (platform != nullptr && accept(*platform)) found.push_back(platform);
  }
  return found;
}

std::vector<const domain::Platform*> LivePlatforms::with_external_id(
    domain::ProjectId project, domain::PlatformType type, std::string_view external_id) const {
  return index_.find(PlatformIndex::hash_of_flow(project, external_id),
                     [&](const domain::Platform& platform) {
                       return platform.project_id == project && platform.type == type &&
                              platform.external_id == external_id;
                     });
}

std::vector<const domain::Platform*> LivePlatforms::with_service_name(domain::ProjectId project,
                                                                      std::string_view name) const {
  return index_.find(PlatformIndex::hash_of_service(project, name),
                     [&](const domain::Platform& platform) {
                       return platform.project_id == project && platform.service_name == name;
                     });
}

}  // namespace keywright::ingest
