#include "cluster/last_removal.h"

#include <charconv>

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "store/postgres/removals.h"

namespace keywright::cluster {
namespace {

using store::postgres::LogPoint;

constexpr std::size_t kBytesMax = 100;

std::string text_of(const LogPoint& point) {
  return fmt::format("{} {}\n", point.position, point.entry.to_string());
}

std::optional<LogPoint> parse(std::string_view text) {
  LogPoint point;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, point.position);
  const std::size_t digits = static_cast<std::size_t>(read.ptr - text.data());
  if (read.ec != std::errc() || !text.substr(digits).starts_with(' ')) return std::nullopt;
  text.remove_prefix(digits + 1);
  const auto entry = Uuid::parse(text.substr(0, text.find('\n')));
  if (!entry) return std::nullopt;
  point.entry = *entry;
  return point;
}

}  // namespace

Result<void> LastRemoval::check(store::postgres::Connection& connection) {
  if (path_.empty()) return {};
  const auto text = read_file(path_, kBytesMax);
  if (!text && text.error().code() == Code::not_found) return {};
  kept_ = text ? parse(*text) : std::nullopt;
  if (!kept_) {
    log_warning("last_removal_unreadable", {{"file", path_.native()}});
    return {};
  }
  const std::int64_t position[] = {static_cast<std::int64_t>(kept_->position)};
  KW_TRY(const auto standing, store::postgres::Removals::find_standing(connection, position));
  if (!standing.lacks(*kept_)) return {};
  return fail(
      Code::conflict, "store_was_put_back",
      fmt::format("The store was put back to an earlier state: it does not have what took access "
                  "away last (change {}), so keys that were revoked since would work again. Revoke "
                  "them again, then remove {} and start; docs/operating/backup-and-restore.md "
                  "has the steps.",
                  kept_->position, path_.native()));
}

void LastRemoval::keep(const std::optional<LogPoint>& point) {
  if (path_.empty() || !point || point == kept_) return;
  const auto written = atomic_write_file(path_, text_of(*point), 0600);
  if (written) {
    kept_ = point;
  } else {
    log_warning("last_removal_not_kept", {{"why", written.error().detail()}});
  }
}

}  // namespace keywright::cluster
