// http/h2_session.h - the server's side of one HTTP/2 connection, without its socket.
//
//   Session session(worker, host, peer, secure);
//   session.receive(bytes);                     // handlers that answer at once have answered
//   send(session.output());                     // then clear it, and
//   session.refill();                           // let more DATA follow
//
// Frames, HPACK and flow control are nghttp2's; what a request means, how much of it is accepted
// and when it is answered is decided here, with the rules of HTTP/1.1 (http/connection.h).
//
// nghttp2's callbacks only note what has happened; it is acted upon when nghttp2 has returned
// (act()), so that a handler may do anything. before_response() is followed by the HEADERS frame in
// the output with nothing in between. A response's body is copied once, into the output.
//
// Windows: a body that is gathered gets 64 KiB, and more only while the session gathers less than
// kGatheredBytes altogether; one that is read in pieces gets as much as the handler takes.
//
// Threading: the worker's loop. Lifetime: must be quiet (is_quiet()) when destroyed.
// Cost: streams, buffers and most of what nghttp2 allocates come from the worker's pools.
// Source: RFC 9113, RFC 9218.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/h2_limits.h"
#include "http/h2_stream.h"
#include "http/worker.h"
#include "net/address.h"

struct nghttp2_session;

namespace keywright::http::h2 {

class SessionHost {
 public:
  // Something came into the output, or the last stream ended, outside receive().
  virtual void has_changed() = 0;

 protected:
  ~SessionHost() = default;
};

class Session {
 public:
  Session(Worker& worker, SessionHost& host, const IpAddress& peer, bool secure);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive(std::string_view bytes);
  std::string& output() { return output_; }
  std::size_t pending_output() const { return output_.size(); }
  void refill();  // after the output was taken
  void act();     // does what sweep() has left to be done

  bool is_over() const;  // it neither expects nor has anything more, but what is in the output
  bool is_quiet() const { return first_ == nullptr; }

  void sweep(net::Ticks now);  // only notes; has_changed() then asks for act()
  void stop();                 // no further requests
  void half_close();           // the client sends nothing more
  void lose();                 // the connection is gone

  Worker& worker() { return worker_; }

 private:
  friend class Stream;
  friend struct Callbacks;

  Stream& open_stream(std::int32_t id);
  void note(Stream& stream);  // something happened to it
  void drain();
  void changed();

  // Moving a stream along (h2_exchange.cc).
  void attend(Stream& stream);
  void start(Stream& stream);
  void serve(Stream& stream);
  void refuse(Stream& stream, const Fault& fault);
  Task<void> await_answer(Stream& stream, Task<void> answer);
  Task<void> pull(Stream& stream);
  void respond(Stream& stream);
  void submit_head(Stream& stream);
  void continue_sending(Stream& stream);
  void meet_deadline(Stream& stream);
  void release(Stream& stream);
  void cut(Stream& stream, std::string_view last_bytes);
  void reset(Stream& stream, std::uint32_t error_code);
  void tell_disconnected(Stream& stream);
  void send_continue(Stream& stream);

  // Bodies (h2_bodies.cc).
  void body_arrived(Stream& stream, std::string_view piece);
  void discard(Stream& stream, std::size_t bytes);
  void want_to_gather(Stream& stream);
  void gather_next();
  void return_window(Stream& stream);

  // Misuse.
  void end_with(std::uint32_t error_code);
  void flooded();
  void spend_frame() {
    if (!frames_.spend()) flooded();
  }
  void spend_reset() {
    if (!resets_.spend()) flooded();
  }
  bool is_late(Stream& stream, net::Ticks now) const;
  void has_reset(std::uint32_t error_code);
  void has_said_goodbye(std::uint32_t error_code);

  Worker& worker_;
  SessionHost& host_;
  nghttp2_session* engine_ = nullptr;
  IpAddress peer_;
  bool secure_;
  std::string output_;

  Stream* first_ = nullptr;
  Stream* last_ = nullptr;
  Stream* first_event_ = nullptr;
  Stream* last_event_ = nullptr;
  std::size_t at_work_ = 0;
  std::uint64_t gathered_ = 0;

  Budget resets_{kResetBudget, kResetsPerSecond};
  Budget frames_{kFrameBudget, kFramesPerSecond};
  net::Ticks swept_{};
  net::Ticks since_{};       // of the preface, or of having no stream
  net::Ticks head_since_{};  // of a header block that has begun and not ended; 0: there is none
  std::size_t trailer_bytes_ = 0;
  Stream* reading_head_ = nullptr;  // whose fields are arriving
  bool has_blocked_ = false;        // a stream waits for room in the output
  bool settings_seen_ = false;
  bool in_engine_ = false;  // nghttp2 is on the stack
  bool acting_ = false;
  bool receiving_ = false;
  bool lost_ = false;
  bool stopping_ = false;
  bool was_misused_ = false;  // and that has been counted
};

}  // namespace keywright::http::h2
