// cluster/last_removal.h - the last removal of access that a node knows of, in a file of its own,
// so that a store which was put back to a time before it does not go unnoticed.
//
//   LastRemoval last(directory / "last-removal");
//   KW_CHECK_OK(last.check(connection));       // at a start, before anything is answered
//   last.keep(store.removals().last());        // every few seconds
//
// Each entry of the log has a random id, and one that stands there proves all before it. Where this
// one does not, keys that were revoked since would work again, and this node does not know which:
// somebody has to revoke them, and says so by removing the file.
//
// Errors: conflict/store_was_put_back, naming the file; those of store/postgres/connection.h.
// Threading: one thread at a time. Cost: check() is one query, keep() two fsyncs if there is news.
#pragma once

#include <filesystem>
#include <optional>

#include "store/postgres/log.h"

namespace keywright::cluster {

class LastRemoval {
 public:
  explicit LastRemoval(std::filesystem::path path) : path_(std::move(path)) {}  // "" = nowhere

  Result<void> check(store::postgres::Connection& connection);
  void keep(const std::optional<store::postgres::LogPoint>& point);

 private:
  const std::filesystem::path path_;
  std::optional<store::postgres::LogPoint> kept_;
};

}  // namespace keywright::cluster
