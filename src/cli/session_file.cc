#include "cli/session_file.h"

#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "json/document.h"
#include "json/writer.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kLongestFile = 64 * 1024;

// "http://127.0.0.1:8080" -> "http_127.0.0.1_8080"; another address of the same spelling differs in
// the check sum.
std::string file_name(const std::string& url) {
  constexpr std::size_t kLongestName = 100;
  std::string name;
  for (char c : url.substr(0, kLongestName)) {
    const bool plain = is_ascii_alpha(c) || is_ascii_digit(c) || c == '.' || c == '-';
    if (plain) {
      name += c;
    } else if (!name.ends_with('_')) {
      name += '_';
    }
  }
  return fmt::format("{}-{:08x}.json", name, crc32(url));
}

}  // namespace

std::filesystem::path configuration_directory(const Environment& environment) {
  const auto directory_in = [&](const char* name) { return environment(name).value_or(""); };
  if (const auto own = directory_in("KEYWRIGHT_CONFIG_DIR"); !own.empty()) return own;
  const std::filesystem::path shared = directory_in("XDG_CONFIG_HOME");
  if (shared.is_absolute()) return shared / "keywright";
  return std::filesystem::path(directory_in("HOME")) / ".config" / "keywright";
}

std::filesystem::path SessionFiles::path_of(const std::string& url) const {
  return directory_ / "sessions" / file_name(url);
}

Expected<void> SessionFiles::save(const std::string& url, const StoredSession& session) const {
  const std::filesystem::path path = path_of(url);
  if (auto made = make_private_directories(path.parent_path()); !made) {
    return failed(to_failure(made.error()));
  }
  std::string text;
  json::Writer writer(text);
  writer.begin_object().key("url").string(url).key("email").string(session.email);
  writer.key("token").string(session.token.reveal()).end_object();
  text += '\n';
  constexpr mode_t kOwnerOnly = 0600;
  auto written = atomic_write_file(path, text, kOwnerOnly);
  wipe_memory(text.data(), text.size());
  if (!written) return failed(to_failure(written.error()));
  return {};
}

Expected<std::optional<StoredSession>> SessionFiles::load(const std::string& url) const {
  const std::filesystem::path path = path_of(url);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  auto text = read_private_file(path, kLongestFile);
  if (!text) return failed(to_failure(text.error()));
  const auto document = json::Document::parse(*text);
  const auto member = [&](std::string_view name) -> std::string {
    const auto value = document->root().find(name);
    return value ? std::string(value->as_string().value_or("")) : "";
  };
  if (!document || member("url") != url || member("token").empty()) {
    return failed({ExitCode::failure,
                   fmt::format("{} is no session of {}", path.string(), url),
                   {},
                   "sign in again: keywright login"});
  }
  return StoredSession{Secret<std::string>(member("token")), member("email")};
}

Expected<bool> SessionFiles::remove(const std::string& url) const {
  std::error_code problem;
  const bool removed = std::filesystem::remove(path_of(url), problem);
  if (problem) {
    return failed(
        {ExitCode::failure, fmt::format("{}: {}", path_of(url).string(), problem.message())});
  }
  return removed;
}

}  // namespace keywright::cli
