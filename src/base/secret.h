// base/secret.h - Secret<T>: a value that cannot be printed by accident and is wiped when it goes.
//
//   Secret<std::string> password(std::move(text));
//   verify(hash, password.reveal());       // reveal() is the word to look for in a review
//
// There is no operator<<, no formatter and no comparison: compare digests, or use
// crypto/constant_time.h. Moving empties and wipes the source; copying needs clone(), so that each
// further copy is visible. T is a std::string, a std::vector or a std::array of plain bytes.
//
// Threading: as T.
// Cost: as T, plus one wipe of its whole capacity at the end.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

// The compiler warns where the result outlives the object it points into.
#if defined(__clang__)
#define KW_LIFETIME_BOUND [[clang::lifetimebound]]
#else
#define KW_LIFETIME_BOUND
#endif

namespace keywright {

// Overwrites memory in a way the optimizer may not remove.
void wipe_memory(void* data, std::size_t size) noexcept;

namespace secret_detail {

template <class T>
concept Growing = requires(T& value) {
  value.resize(value.capacity());
  value.clear();
};

template <Growing T>
void wipe(T& value) noexcept {
  value.resize(value.capacity());  // within capacity: no allocation, nothing moves
  wipe_memory(value.data(), value.size() * sizeof(*value.data()));
  value.clear();
}

template <class T>
  requires(!Growing<T>)
void wipe(T& value) noexcept {
  wipe_memory(value.data(), value.size() * sizeof(*value.data()));
}

}  // namespace secret_detail

template <class T>
class Secret {
  static_assert(std::is_trivially_copyable_v<typename T::value_type>);

 public:
  Secret() = default;
  explicit Secret(T&& value) : value_(std::move(value)) { secret_detail::wipe(value); }
  explicit Secret(const T& value) : value_(value) {}

  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
    secret_detail::wipe(other.value_);
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      secret_detail::wipe(value_);
      value_ = std::move(other.value_);
      secret_detail::wipe(other.value_);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { secret_detail::wipe(value_); }

  Secret clone() const { return Secret(value_); }

  const T& reveal() const noexcept KW_LIFETIME_BOUND { return value_; }
  T& reveal() noexcept KW_LIFETIME_BOUND { return value_; }

  bool empty() const noexcept { return value_.empty(); }

 private:
  T value_{};
};

}  // namespace keywright
