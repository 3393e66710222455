// cli/session_file.h - where a session is kept between commands: one file for each server.
//
//   SessionFiles files(configuration_directory(environment));
//   files.save("http://127.0.0.1:8080", {token, "ada@example.com"});
//   std::optional<StoredSession> session = files.load(url);        // Expected around it
//
// The file is 0600 in a 0700 directory and named after the address, which it also holds: a token is
// sent to no other server. A file that others may read is refused.
//
// Directory: KEYWRIGHT_CONFIG_DIR, else $XDG_CONFIG_HOME/keywright, else ~/.config/keywright.
// Threading: one thread. Errors: failure, naming the file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/secret.h"
#include "cli/console.h"
#include "cli/outcome.h"

namespace keywright::cli {

struct StoredSession {
  Secret<std::string> token;
  std::string email;
};

std::filesystem::path configuration_directory(const Environment& environment);

class SessionFiles {
 public:
  explicit SessionFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Expected<void> save(const std::string& url, const StoredSession& session) const;
  Expected<std::optional<StoredSession>> load(const std::string& url) const;
  Expected<bool> remove(const std::string& url) const;  // false: there was none

  std::filesystem::path path_of(const std::string& url) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace keywright::cli
