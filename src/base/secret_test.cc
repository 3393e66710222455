#include "base/secret.h"

#include <array>
#include <cstdint>
#include <new>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace keywright {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

template <class T>
concept Comparable = requires(const T& value) { value == value; };

TEST(Secret, CannotBePrintedFormattedComparedOrCopied) {
  using S = Secret<std::string>;
  static_assert(!Printable<S>);
  static_assert(!fmt::is_formattable<S>::value);
  static_assert(!Comparable<S>);
  static_assert(!std::is_copy_constructible_v<S> && !std::is_copy_assignable_v<S>);
  static_assert(!std::is_convertible_v<std::string, S> && !std::is_convertible_v<S, std::string>);
  static_assert(std::is_nothrow_move_constructible_v<S>);
}

// What stands in the memory of a value after its destructor ran, in storage that outlives it.
template <class T, class Make>
std::array<unsigned char, sizeof(T)> memory_after_destruction(Make make) {
  alignas(T) std::array<unsigned char, sizeof(T)> storage{};
  T* value = new (storage.data()) T(make());
  value->~T();
  asm volatile("" : : "r"(storage.data()) : "memory");
  return storage;
}

TEST(Secret, AnArrayIsWipedOnDestruction) {
  using Key = std::array<std::uint8_t, 32>;
  auto memory = memory_after_destruction<Secret<Key>>([] {
    Key key;
    key.fill(0xAB);
    return Secret<Key>(key);
  });
  for (unsigned char byte : memory) EXPECT_EQ(byte, 0);
}

TEST(Secret, AShortStringIsWipedOnDestruction) {
  auto memory = memory_after_destruction<Secret<std::string>>(
      [] { return Secret<std::string>(std::string("hunter2hunter2")); });
  std::string_view all(reinterpret_cast<const char*>(memory.data()), memory.size());
  EXPECT_EQ(all.find("hunter2"), all.npos);
}

TEST(Secret, MovingWipesTheSource) {
  std::string plain = "short secret";
  const char* place = plain.data();
  Secret<std::string> secret(std::move(plain));
  EXPECT_EQ(secret.reveal(), "short secret");
  EXPECT_EQ(std::string_view(place, 12).find("secret"), std::string_view::npos);

  Secret<std::string> moved(std::move(secret));
  EXPECT_EQ(moved.reveal(), "short secret");
  EXPECT_TRUE(secret.empty());  // NOLINT(bugprone-use-after-move): that is the guarantee

  Secret<std::string> assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.reveal(), "short secret");
  EXPECT_TRUE(moved.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, CloneIsAnotherCopy) {
  Secret<std::vector<std::uint8_t>> secret(std::vector<std::uint8_t>{1, 2, 3});
  auto copy = secret.clone();
  copy.reveal()[0] = 9;
  EXPECT_EQ(secret.reveal()[0], 1);
  EXPECT_EQ(copy.reveal().size(), 3U);
}

}  // namespace
}  // namespace keywright
