// server/trace_door.h - everything that traces need, put together: store, door, and what keeps the
// store from growing for ever.
//
//   KW_TRY(auto door, TraceDoor::open(app, config, directory, random));
//   app.traces = &door->reader();
//   faces.add(ingest::serves, door->face());
//   door->drop_old_traces(app.committer);             // once an hour
//   door->look_around();                              // once a second
//   http_server.stop();  door->stop();                // before the loops stop
//
// Traces lie in DIR/traces, apart from the keys; those of a cluster in its PostgreSQL.
//
// Errors: those of traces/trace_store.h.
// Threading: the main thread. Lifetime: app, clock and random outlive it.
#pragma once

#include <filesystem>
#include <memory>

#include "api/rest/metrics.h"
#include "app/operation.h"
#include "forwarding/forwarder.h"
#include "ingest/face.h"
#include "server/config.h"

namespace keywright::server {

inline constexpr std::int64_t kTraceRetentionDays = 90;  // of a project that says nothing else

class TraceDoor {
 public:
  // Traces are kept in `directory`.
  static Result<std::unique_ptr<TraceDoor>> open(app::App& app, const Config& config,
                                                 const std::filesystem::path& directory,
                                                 Random& random);

  ingest::Face& face() { return face_; }
  app::TraceReader& reader() { return reader_; }

  // Tells the store how long each project keeps its traces. The records are read by the writer.
  void drop_old_traces(app::Committer& committer);
  // Keeps what did not arrive, and ends the forwarding of platforms that were deleted.
  void look_around();
  void write_metrics(rest::MetricsText& text) const;
  void stop();

 private:
  TraceDoor(app::App& app, const Config& config, std::unique_ptr<traces::TraceStore> store);
  void forget_deleted_platforms();

  app::App& app_;
  std::unique_ptr<traces::TraceStore> store_;
  ingest::UnroutedLog unrouted_;
  forwarding::Forwarder forwarder_;
  ingest::StoredTraces reader_;
  ingest::Face face_;
  unsigned looks_ = 0;
  std::uint64_t epoch_ = 0;  // of the records when platforms were looked at last
};

}  // namespace keywright::server
