// app/reclaimer.h - frees what readers may still be looking at, once no reader can be.
//
//   reclaimer.retire([old] { delete old; });     // writer, after unpublishing `old`
//   ... every io thread has passed the barrier (app/barrier.h) ...
//   reclaimer.free_all();                        // writer
//
// Readers hold no pointer into the records across a suspension, so an io thread that has run a
// barrier posted after the unpublishing has let go of it.
//
// Threading: writer thread only. Cost: one small allocation for each retired block.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace keywright::app {

class Reclaimer {
 public:
  Reclaimer() = default;
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;
  ~Reclaimer() { free_all(); }

  void retire(std::function<void()> release) { retired_.push_back(std::move(release)); }

  void free_all() {
    std::vector<std::function<void()>> now = std::move(retired_);
    retired_.clear();
    for (auto& release : now) release();
  }

 private:
  std::vector<std::function<void()>> retired_;
};

}  // namespace keywright::app
