// server/faces.h - everything that answers requests, put together.
//
//   Faces faces(app, config, std::move(rest_options));
//   http::Server server(loops, faces.front(), {});
//
// The one place that knows which paths belong to which face.
//
// Threading: construct before the loops start. Lifetime: app and config outlive the faces.
#pragma once

#include "api/graphql/face.h"
#include "api/mcp/face.h"
#include "api/rest/face.h"
#include "api/targets/face.h"
#include "console/console.h"
#include "gateway/gateway.h"
#include "gateway/proxy.h"
#include "mcp_connect/connect.h"
#include "mcp_connect/health.h"
#include "mcp_connect/health_watch.h"
#include "server/config.h"
#include "server/front.h"
#include "server/keyless_face.h"

namespace keywright::server {

class Faces {
 public:
  Faces(app::App& app, const Config& config, rest::FaceOptions rest_options);
  Faces(const Faces&) = delete;
  Faces& operator=(const Faces&) = delete;

  http::Handler& front() { return front_; }
  // One more face; it outlives this one. Before the loops start.
  void add(Front::Serves serves, http::Handler& face) { front_.add(serves, face); }
  // When no io thread runs any more, and before the loops go.
  void close_kept() { proxy_.close_kept(); }
  // Asks MCP servers how they are, if it is time. About every second, on an io thread.
  void look_at_mcp_servers() { health_watch_.tick(); }
  bool looks_at_mcp_servers() const { return health_watch_.is_on(); }

 private:
  rest::FaceOptions with_metrics(const app::App& app, rest::FaceOptions options);

  gateway::Proxy proxy_;
  gateway::Gateway gateway_;
  mcp_connect::Connect connect_;
  mcp_connect::Health health_;
  mcp_connect::HealthWatch health_watch_;
  console::Console console_;
  KeylessFace pages_{console_};
  graphql_face::Face graphql_;
  api_targets::Face targets_;
  api_mcp::Face mcp_;
  rest::Face rest_;
  Front front_{rest_};
};

}  // namespace keywright::server
