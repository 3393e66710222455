// store/sqlite/ballast.h - a file that takes up space until the disk is full, and is then given to
// those who take access away.
//
//   Ballast ballast(paths.ballast, kBallastBytes);
//   KW_CHECK_OK(ballast.fill());           // at start, and again once there is room
//   ballast.release();                     // the disk has room again: for removals only
//
// Errors: storage_full/storage_full where there is no room for it.
// Threading: one thread at a time. Cost: fill() reserves without writing, where the file system
// can.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace keywright::store {

class Ballast {
 public:
  Ballast(std::filesystem::path path, std::uint64_t bytes)
      : path_(std::move(path)), bytes_(bytes) {}

  Result<void> fill();
  void release();

  // Whether a few kilobytes more would fit beside the ballast.
  bool has_room() const;

 private:
  std::filesystem::path path_;
  std::uint64_t bytes_;
};

}  // namespace keywright::store
