// store/sqlite/reader_pool.h - a few Readers that many threads share.
//
//   ReaderLease reader = pool.borrow();      // waits while all are in use
//   return reader->get_key(id);              // given back at the end of the scope
//
// Threading: borrow() from any thread. Lifetime: the pool outlives its leases.
// Cost: one short lock.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "store/sqlite/reader.h"

namespace keywright::store {

class ReaderPool;

class ReaderLease {
 public:
  ReaderLease(ReaderPool& pool, std::unique_ptr<Reader> reader)
      : pool_(pool), reader_(std::move(reader)) {}
  ReaderLease(const ReaderLease&) = delete;
  ReaderLease& operator=(const ReaderLease&) = delete;
  ~ReaderLease();

  Reader* operator->() const { return reader_.get(); }
  Reader& operator*() const { return *reader_; }

 private:
  ReaderPool& pool_;
  std::unique_ptr<Reader> reader_;
};

class ReaderPool {
 public:
  static Result<std::unique_ptr<ReaderPool>> open(const std::string& path, const std::string& vfs,
                                                  int readers) {
    std::unique_ptr<ReaderPool> pool(new ReaderPool);
    for (int i = 0; i < readers; ++i) {
      KW_TRY(auto reader, Reader::open(path, vfs));
      pool->idle_.push_back(std::move(reader));
    }
    return pool;
  }

  ReaderLease borrow() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty(); });
    std::unique_ptr<Reader> reader = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(reader)};
  }

 private:
  friend class ReaderLease;
  ReaderPool() = default;

  void give_back(std::unique_ptr<Reader> reader) {
    {
      std::lock_guard lock(mutex_);
      idle_.push_back(std::move(reader));
    }
    returned_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Reader>> idle_;
};

inline ReaderLease::~ReaderLease() { pool_.give_back(std::move(reader_)); }

}  // namespace keywright::store
