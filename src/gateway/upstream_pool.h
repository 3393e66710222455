// gateway/upstream_pool.h - connections to upstreams on one loop: kept ones, and new ones.
//
//   auto connection = pool.take(target.pool_key);                    // null: none is kept
//   auto opened = co_await pool.connect(target);                     // Result
//   pool.keep(target.pool_key, std::move(*opened));                  // may be used again
//
// Connections are shared under one pool key only, so one service never uses what another one left
// behind. A kept connection that was closed, or on which something arrived that nobody asked for,
// is dropped; so is one older than the time the upstream said, less a second.
//
// Every address is looked at after its name was resolved and right before it is dialled
// (app/upstream.h), so that a name cannot be turned to the server's own network meanwhile.
//
// Errors: those of net/connect.h. Threading: the loop's thread, but for close_all(), which is for
//   the owner of a loop that does not run. Lifetime: outlives what it connects.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/task.h"
#include "gateway/upstream_connection.h"
#include "net/loop.h"

namespace keywright::net {
class TlsClient;
}

namespace keywright::gateway {

struct UpstreamTarget {
  std::string pool_key;  // "service/<id> http://host:port"
  bool secure = false;
  std::string host;  // an IPv6 address without brackets
  std::uint16_t port = 80;
  std::string authority;  // for Host
  std::string base_path;  // "" or "/v1": no slash at its end
};

// Errors: those of app/upstream.h.
Result<UpstreamTarget> target_of(std::string_view owner, std::string_view url,
                                 const std::vector<Cidr>& allowed);

struct PoolOptions {
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::seconds keep_for{30};
  std::size_t kept_for_each = 128;
  std::vector<Cidr> allowed_upstreams;
};

class UpstreamPool {
 public:
  UpstreamPool(net::Loop& loop, const PoolOptions& options) : loop_(loop), options_(options) {}
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  std::unique_ptr<UpstreamConnection> take(const std::string& pool_key);
  void keep(const std::string& pool_key, std::unique_ptr<UpstreamConnection> connection);
  Task<Result<std::unique_ptr<UpstreamConnection>>> connect(const UpstreamTarget& target);
  void close_all() { kept_.clear(); }

 private:
  struct Kept {
    std::unique_ptr<UpstreamConnection> connection;
    net::Ticks until;
  };
  void sweep();

  net::Loop& loop_;
  const PoolOptions& options_;
  std::unordered_map<std::string, std::vector<Kept>> kept_;
  std::shared_ptr<net::TlsClient> tls_;
  bool sweeping_ = false;
};

}  // namespace keywright::gateway
