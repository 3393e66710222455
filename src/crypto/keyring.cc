#include "crypto/keyring.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/constant_time.h"

namespace keywright::crypto {
namespace {

constexpr std::string_view kFirstLine = "keywright-keyring 1";
constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::size_t kVersionsMax = 64;
constexpr std::string_view kCheckedText = "keywright keyring check";

auto refuse(std::size_t line_number, std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_keyring",
              fmt::format("Line {} of the keyring: {}", line_number, detail));
}

// The next line without its end; the text is shortened by it.
std::string_view take_line(std::string_view& text) {
  std::size_t end = text.find('\n');
  std::string_view line = trim(text.substr(0, end));
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  std::size_t end = line.find(' ');
  std::string_view word = line.substr(0, end);
  line.remove_prefix(end == line.npos ? line.size() : end + 1);
  return word;
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || text.front() == '0') return std::nullopt;
  std::uint32_t value = 0;
  for (char c : text) {
    if (!is_ascii_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value;
}

MacKey mac_key(const Key256& root, std::string_view purpose) {
  Key256 key = derive_key(root, fmt::format("keywright/v1/{}", purpose));
  return MacKey(key.reveal());
}

DerivedKeys derive(std::uint32_t version, Time created_at, const Key256& root) {
  return {version,
          created_at,
          mac_key(root, "digest"),
          mac_key(root, "jwt"),
          mac_key(root, "session"),
          mac_key(root, "row"),
          mac_key(root, "cursor"),
          mac_key(root, "check")};
}

std::string check_value_of(const DerivedKeys& keys) {
  return encode_hex(keys.check.mac(kCheckedText));
}

}  // namespace

Keyring::Keyring(std::vector<Version> versions)
    : versions_(std::move(versions)), sealer_(std::vector<SealKey>{}) {
  std::sort(versions_.begin(), versions_.end(),
            [](const Version& a, const Version& b) { return a.number > b.number; });
  std::vector<SealKey> seal_keys;
  for (const Version& version : versions_) {
    derived_.push_back(derive(version.number, version.created_at, version.root));
    seal_keys.push_back({version.number, derive_key(version.root, "keywright/v1/seal")});
  }
  sealer_ = Sealer(std::move(seal_keys));
}

Result<Keyring> Keyring::parse(std::string_view text) {
  if (take_line(text) != kFirstLine) {
    return refuse(1, fmt::format("expected \"{}\".", kFirstLine));
  }
  std::vector<Version> versions;
  for (std::size_t line_number = 2; !text.empty(); ++line_number) {
    std::string_view line = take_line(text);
    if (line.empty() || line.front() == '#') continue;
    auto number = parse_number(take_word(line));
    auto created_at = parse_rfc3339(take_word(line));
    Version version;
    if (!number || !created_at || !decode_base64url_into(line, version.root.reveal())) {
      return refuse(line_number,
                    "expected a version number, a time and 32 bytes in base64url, "
                    "with one space between them.");
    }
    for (const Version& other : versions) {
      if (other.number == *number) {
        return refuse(line_number, fmt::format("version {} stands here twice.", *number));
      }
    }
    if (versions.size() == kVersionsMax) {
      return refuse(line_number, fmt::format("more than {} versions.", kVersionsMax));
    }
    version.number = *number;
    version.created_at = *created_at;
    versions.push_back(std::move(version));
  }
  if (versions.empty()) return refuse(2, "expected at least one version.");
  return Keyring(std::move(versions));
}

Result<Keyring> Keyring::load_file(const std::filesystem::path& path) {
  KW_TRY(std::string text, read_private_file(path, kFileBytesMax));
  Secret<std::string> secret(std::move(text));
  return parse(secret.reveal());
}

Keyring Keyring::generate(const Clock& clock, Random& random) {
  std::vector<Version> versions;
  versions.push_back({1, clock.now(), Key256(random_bytes<32>(random))});
  return Keyring(std::move(versions));
}

Result<Keyring> Keyring::create_file(const std::filesystem::path& path, const Clock& clock,
                                     Random& random) {
  Keyring keyring = generate(clock, random);
  Secret<std::string> text = keyring.format();
  KW_CHECK_OK(keywright::create_file(path, text.reveal(), 0600));
  return keyring;
}

Result<Keyring> Keyring::rotated(const Clock& clock, Random& random) const {
  std::uint32_t newest_number = versions_.front().number;
  if (versions_.size() == kVersionsMax || newest_number == 999'999'999) {
    return fail(
        Code::conflict, "keyring_full",
        fmt::format("The keyring holds {} versions; remove the oldest first.", versions_.size()));
  }
  std::vector<Version> versions;
  versions.push_back({newest_number + 1, clock.now(), Key256(random_bytes<32>(random))});
  for (const Version& version : versions_) {
    versions.push_back({version.number, version.created_at, version.root.clone()});
  }
  return Keyring(std::move(versions));
}

Result<void> Keyring::save_file(const std::filesystem::path& path) const {
  Secret<std::string> text = format();
  return atomic_write_file(path, text.reveal(), 0600);
}

const DerivedKeys* Keyring::find_version(std::uint32_t version) const noexcept {
  for (const DerivedKeys& keys : derived_) {
    if (keys.version == version) return &keys;
  }
  return nullptr;
}

std::string Keyring::check_value() const { return check_value_of(newest()); }

const DerivedKeys* Keyring::find_by_check_value(std::string_view check_value) const noexcept {
  for (const DerivedKeys& keys : derived_) {
    if (equal_in_constant_time(std::string_view(check_value_of(keys)), check_value)) return &keys;
  }
  return nullptr;
}

Secret<std::string> Keyring::format() const {
  Secret<std::string> out{std::string()};
  std::string& text = out.reveal();
  text.reserve(64 + 128 * versions_.size());  // never moved while it grows
  text += kFirstLine;
  text += '\n';
  for (const Version& version : versions_) {
    Secret<std::string> root(encode_base64url(version.root.reveal()));
    text += fmt::format("{} {} ", version.number, format_rfc3339(version.created_at));
    text += root.reveal();
    text += '\n';
  }
  return out;
}

}  // namespace keywright::crypto
