// ingest/budget.h - how many bytes of bodies may be under way at once, in all and for each key.
//
//   Budget::Share share(budget, key_id);
//   if (!share.grow(piece.size())) return overloaded();      // given back when the share ends
//
// Every body counts from its first byte until its answer, so memory is bounded whatever is sent,
// and no key can take the room of the others. Parsing takes a few times the size of a body on top,
// for as many as are parsed at once: two large ones (Face::decoding_).
//
// Threading: any thread. Lifetime: the budget outlives its shares. Cost: a short lock for each
// growth of a share.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace keywright::ingest {

class Budget {
 public:
  Budget(std::size_t all_max, std::size_t key_max) : all_max_(all_max), key_max_(key_max) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  class Share {
   public:
    Share(Budget& budget, std::string key) : budget_(budget), key_(std::move(key)) {}
    ~Share() { budget_.give_back(key_, bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    bool grow(std::size_t bytes);
    std::size_t bytes() const { return bytes_; }

   private:
    Budget& budget_;
    const std::string key_;
    std::size_t bytes_ = 0;
  };

  std::size_t taken() const;

 private:
  bool take(const std::string& key, std::size_t bytes);
  void give_back(const std::string& key, std::size_t bytes);

  const std::size_t all_max_;
  const std::size_t key_max_;
  mutable std::mutex mutex_;
  std::size_t all_ = 0;
  std::unordered_map<std::string, std::size_t> by_key_;
};

}  // namespace keywright::ingest
