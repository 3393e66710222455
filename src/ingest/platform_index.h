// ingest/platform_index.h - platforms by what traces call them, over the records in memory.
//
//   const LivePlatforms platforms(directory, index);        // io thread; until the next suspension
//   choose_platform(hints, scope, project, platforms);
//
// The records are found by id. For flow ids and service names there is an index of hashes, made
// anew when the records have moved; what it finds is looked up by id and compared, so it can lead
// astray but not lie. No verdict is kept.
//
// Threading: find() is safe on any thread; each io thread uses an index of its own (the lock is for
// the rest). Lifetime: the directory outlives it; pointers die at the next suspension.
// Cost: after a change, one pass over all platforms (about 50 ns each) by the first who asks.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "app/directory.h"
#include "domain/traces/routing.h"

namespace keywright::ingest {

class PlatformIndex {
 public:
  explicit PlatformIndex(const app::Directory& directory) : directory_(directory) {}

  std::vector<const domain::Platform*> find(
      std::size_t hash, const std::function<bool(const domain::Platform&)>& accept) const;

  static std::size_t hash_of_flow(domain::ProjectId project, std::string_view external_id);
  static std::size_t hash_of_service(domain::ProjectId project, std::string_view name);

 private:
  using Ids = std::unordered_multimap<std::size_t, domain::PlatformId>;
  struct Built {
    std::uint64_t epoch = 0;
    Ids ids;
  };
  std::shared_ptr<const Built> current() const;

  const app::Directory& directory_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Built> built_;
};

class LivePlatforms final : public domain::Platforms {
 public:
  LivePlatforms(const app::Directory& directory, const PlatformIndex& index)
      : directory_(directory), index_(index) {}

  const domain::Platform* find(domain::PlatformId id) const override {
    return directory_.find<domain::Platform>(id.value);
  }
  std::vector<const domain::Platform*> with_external_id(
      domain::ProjectId project, domain::PlatformType type,
      std::string_view external_id) const override;
  std::vector<const domain::Platform*> with_service_name(domain::ProjectId project,
                                                         std::string_view name) const override;

 private:
  const app::Directory& directory_;
  const PlatformIndex& index_;
};

}  // namespace keywright::ingest
