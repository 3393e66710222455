// server/signals.h - the signals that tell a server what to do, one at a time and on one thread.
//
//   Signals signals;                                  // before any other thread is started
//   while (auto signal = signals.wait(1s)) ...        // SIGTERM, SIGINT, SIGHUP; nothing after 1 s
//
// From construction on, these signals interrupt nobody: they wait until wait() takes them. SIGPIPE
// is ignored for good, so that a client that goes away is an error of one write.
//
// Threading: construct and wait on the main thread; threads started later inherit the mask.
#pragma once

#include <chrono>
#include <optional>

namespace keywright::server {

class Signals {
 public:
  Signals();

  std::optional<int> wait(std::chrono::milliseconds at_most) const;

  // The server is on its way out: a second Ctrl-C or SIGTERM ends the process as usual.
  void release() const;
};

}  // namespace keywright::server
