#include "mcp_connect/health_watch.h"

#include <utility>

#include "mcp_connect/probe.h"

namespace keywright::mcp_connect {

namespace {

constexpr std::size_t kThreads = 2;
constexpr std::uint32_t kParts = 1000;

}  // namespace

HealthWatch::HealthWatch(app::App& app, Health& health, std::chrono::milliseconds interval)
    : app_(app), health_(health), interval_(interval) {
  if (!is_on()) return;
  for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { loop(); });
}

void HealthWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

// From 0.8 to 1.2 intervals later.
std::chrono::nanoseconds HealthWatch::next_time(std::chrono::nanoseconds from) {
  const std::chrono::nanoseconds whole = interval_;
  return from + whole * 4 / 5 + whole * 2 / 5 / kParts * random_below(app_.random, kParts);
}

void HealthWatch::see_servers() {
  const std::uint64_t epoch = app_.directory.epoch();
  if (seen_any_ && epoch == seen_epoch_) return;
  seen_any_ = true;
  seen_epoch_ = epoch;
  const std::chrono::nanoseconds now = app_.clock.boot_time();
  std::unordered_map<Uuid, std::chrono::nanoseconds> due;
  app_.directory.table<domain::McpServer>().for_each([&](const domain::McpServer& server) {
    if (!server.enabled) return;
    const auto known = due_.find(server.id.value);
    due.emplace(server.id.value, known == due_.end() ? next_time(now) : known->second);
  });
  due_ = std::move(due);
}

bool HealthWatch::has_room() {
  const std::lock_guard lock(mutex_);
  return !stopping_ && waiting_.size() < kThreads;
}

void HealthWatch::tick() {
  if (!is_on()) return;
  see_servers();
  const std::chrono::nanoseconds now = app_.clock.boot_time();
  for (auto& [id, due] : due_) {
    if (due > now) continue;
    if (!has_room()) return;  // the others wait until the next tick
    due = next_time(now);
    const auto* server = app_.directory.find<domain::McpServer>(id);
    if (server == nullptr) continue;
    const auto last = health_.last(*server);
    if (last && app_.clock.now() - last->checked_at < interval_ / 2) continue;
    enqueue(*server);
  }
}

void HealthWatch::enqueue(domain::McpServer server) {
  auto target = health_.target_of(server);
  if (!target) {
    health_.keep(server, health_.refused());
    unreachable_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  target->allow = [this, allow = std::move(target->allow)](const IpAddress& address) {
    return !stopping_.load(std::memory_order_relaxed) && allow(address);
  };
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(server), std::move(*target)});
  }
  wake_.notify_one();
}

void HealthWatch::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const app::McpHealth found = mcp_connect::probe(next.target, app_.clock);
    if (!stopping_) {
      health_.keep(next.server, found);
      (found.reachable ? reachable_ : unreachable_).fetch_add(1, std::memory_order_relaxed);
    }
    lock.lock();
  }
}

}  // namespace keywright::mcp_connect
