// http/h2_link.h - carries an HTTP/2 Session over a stream of bytes, from the preface to the close.
//
//   h2::Link link(worker, stream);
//   co_await link.run(bytes_that_came_already);
//
// One coroutine reads. Whatever is in the session's output after a piece was read leaves in one
// send; what the socket does not take is left to a second coroutine. Answers that come later, from
// several handlers in one round of the loop, leave together at its end.
//
// Threading: the worker's loop. Lifetime: the caller's, until run() has finished.
// Cost: for a piece that was read one recv and one send, however many streams it was about.
#pragma once

#include <coroutine>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/task.h"
#include "http/h2_session.h"
#include "http/worker.h"
#include "net/loop.h"
#include "net/stream.h"

namespace keywright::http::h2 {

class Link final : private SessionHost {
 public:
  Link(Worker& worker, net::Stream& stream);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  Task<void> run(std::string first_bytes);

  void sweep(net::Ticks now);
  void stop();  // no further requests; ends when those under way are answered
  void cut();   // ends now

 private:
  // Resumed from the loop's next round after something has changed.
  class Change;

  void has_changed() override;
  static void run_posted(net::PostNode& node, bool cancelled);
  void flush();
  Task<void> write_rest(std::size_t begin);
  Task<void> linger();
  bool may_read() const;
  bool is_sent() const;  // all that was put into the output

  struct Node : net::PostNode {
    Node(Link& of_link, void (*function)(PostNode&, bool)) : PostNode(function), link(of_link) {}
    Link& link;
  };

  Worker& worker_;
  net::Stream& stream_;
  Session session_;
  std::string sending_;
  Node changed_;
  std::coroutine_handle<> waiting_;  // run(), for a change
  bool posted_ = false;
  bool writing_ = false;
  bool reading_ = false;
  bool lingering_ = false;
  bool broken_ = false;
  net::Ticks since_{};  // when the writing, or lingering, began or last had made progress
  std::uint64_t written_ = 0;
};

}  // namespace keywright::http::h2
