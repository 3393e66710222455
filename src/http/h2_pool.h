// http/h2_pool.h - what the HTTP/2 connections of one worker share: spare streams and buffers.
//
//   std::unique_ptr<Stream> stream = pool.take_stream();
//   ...
//   pool.give_back(std::move(stream));
//
// One buffer to read into serves all connections, because what was read into it is dealt with
// before the loop goes on. An idle connection holds no output buffer.
//
// Threading: the worker's loop. Lifetime: outlives the connections.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "http/h2_head.h"
#include "http/h2_limits.h"
#include "http/h2_memory.h"
#include "http/h2_stream.h"

namespace keywright::http::h2 {

class Pool {
 public:
  std::unique_ptr<Stream> take_stream();
  void give_back(std::unique_ptr<Stream> stream);

  std::string take_output();
  void give_back(std::string output);

  std::span<char> read_buffer() { return read_buffer_; }
  HeadWriter& head_writer() { return head_writer_; }
  Memory& memory() { return memory_; }

 private:
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::string> outputs_;
  std::array<char, kReadBytes> read_buffer_;
  HeadWriter head_writer_;
  Memory memory_;
};

}  // namespace keywright::http::h2
