// server/demo.h - an example organization to look around in, made on the first `serve --demo`.
//
//   KW_TRY(DemoSheet sheet, prepare_demo(core, app));      // before the io threads start
//   print_demo(sheet, "http://127.0.0.1:8080", "./data/demo");
//
// It holds people of every role, a service account, projects with platforms, targets, MCP servers,
// a service, a keyspace and a key of each kind, all made by the same operations that a client
// calls. Each start rotates the demo's keys without overlap (their ids stay) and gives its people
// one fresh password, so nothing that an earlier start printed works any more.
//
// Errors: conflict/not_a_demo for a directory that holds a real installation; those of the
// operations. A first start that was interrupted is taken up where it stopped.
// Threading: the main thread, while there are no io threads.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/operation.h"
#include "base/result.h"
#include "base/secret.h"
#include "server/core.h"

namespace keywright::server {

struct DemoKey {
  std::string name;  // of the demo's table: "access", "ingest_one"
  Secret<std::string> token;
};

// What a start has to print; secrets that are shown once.
struct DemoSheet {
  std::string organization;
  std::string email;
  Secret<std::string> password;
  std::vector<DemoKey> keys;
  std::map<std::string, std::string> ids;  // by name in the demo: "platform.n8n"

  std::string_view token(std::string_view name) const;
  std::string_view id(const std::string& name) const;
};

Result<DemoSheet> prepare_demo(Core& core, app::App& app);

// On standard output: plain text of at most 100 columns but for the commands, in colour on a
// terminal unless NO_COLOR is set.
void print_demo(const DemoSheet& sheet, std::string_view url,
                const std::filesystem::path& data_directory);

}  // namespace keywright::server
