#include "server/signals.h"

#include <signal.h>
#include <ctime>

namespace keywright::server {

namespace {

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
}

std::optional<int> Signals::wait(std::chrono::milliseconds at_most) const {
  const sigset_t set = handled();
  const auto count = at_most.count();
  const timespec timeout{count / 1000, (count % 1000) * 1'000'000};
  const int signal = sigtimedwait(&set, nullptr, &timeout);
  if (signal < 0) return std::nullopt;
  return signal;
}

void Signals::release() const {
  const sigset_t set = handled();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace keywright::server
