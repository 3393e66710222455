// server/serve.h - `keywright serve`: everything put together, from start to a clean end.
//
//   KW_TRY(Config config, read_config(flags, process_environment));
//   KW_CHECK_OK(serve(config));       // returns after SIGTERM or SIGINT
//
// Order of life: check the certificate, open the installation and load it, bind the sockets, start
// the io threads, say `listening on http://HOST:PORT` for each socket on standard output. SIGHUP
// reads the certificate again (a pair that does not fit leaves the old one in use). SIGTERM and
// SIGINT stop accepting, give what is in flight kStopTime to end, finish the changes that were
// accepted, write the usage counters and return.
//
// Errors: for operators: those of server/core.h, of the certificate, listen_failed.
// Threading: the main thread, while the process has no other.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "server/config.h"

namespace keywright::server {

inline constexpr std::chrono::seconds kStopTime{9};
inline constexpr std::chrono::seconds kUsageFlushEvery{15};

Result<void> serve(const Config& config);

std::string_view version();

}  // namespace keywright::server
