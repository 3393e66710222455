#include "gateway/dialling.h"

#include <gtest/gtest.h>

#include "net/loop.h"

namespace keywright::gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

Task<Dialling::Opened> refused_after(net::Loop& loop, net::Duration delay, bool& ended) {
  co_await loop.sleep(delay);
  ended = true;
  co_return fail(Code::unavailable, "connect_failed", "");
}

// Says why there is no connection, and stops the loop.
Task<void> wait_for(net::Loop& loop, Dialling& dialling, std::string& reason) {
  auto opened = co_await dialling;
  reason = opened ? "" : opened.error().reason();
  loop.stop();
}

TEST(Dialling, EndsWithWhatConnectingCameTo) {
  net::Loop loop;
  bool ended = false;
  std::string reason;
  Dialling dialling(loop, refused_after(loop, milliseconds(0), ended));
  start_detached(wait_for(loop, dialling, reason));
  loop.run();
  EXPECT_EQ(reason, "connect_failed");
  EXPECT_TRUE(ended);
}

TEST(Dialling, WhoGivesUpDoesNotWait) {
  net::Loop loop;
  bool ended = false;
  std::string reason;
  Dialling dialling(loop, refused_after(loop, hours(1), ended));
  start_detached(wait_for(loop, dialling, reason));
  loop.post([&] {
    dialling.give_up();
    dialling.give_up();
    EXPECT_EQ(reason, "");  // later, never inside
  });
  loop.run();
  EXPECT_EQ(reason, "given_up");
  EXPECT_FALSE(ended);
}

TEST(Dialling, MayBeDestroyedWhileItIsGivenUp) {
  net::Loop loop;
  bool ended = false;
  loop.post([&] {
    Dialling dialling(loop, refused_after(loop, hours(1), ended));
    dialling.await_suspend(std::noop_coroutine()).resume();
    dialling.give_up();
    loop.run_after(milliseconds(1), [&] { loop.stop(); });
  });
  loop.run();
  EXPECT_FALSE(ended);
}

}  // namespace
}  // namespace keywright::gateway
