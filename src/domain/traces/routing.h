// domain/traces/routing.h - which platform a trace belongs to. One table, no I/O.
//
//   KW_TRY(RoutingHints hints, read_hints(document.root()));         // what the trace says
//   Route route = choose_platform(hints, {.all = false, .ids = scope}, project, platforms);
//   if (route.outcome == RouteOutcome::routed) store(route.platform->id, route.by);
//
// What names a platform, in the order in which it is asked: its id; the flow ids of the sender
// (chatflow for Flowise, workflow for n8n); the OpenTelemetry service name; and, when nothing of
// that finds one, a key that is restricted to exactly one platform. Rules that keep traces apart:
//   - a list of platforms whose members were all deleted opens nothing, and is asked first;
//   - the list counts as it was written: it never shrinks into "the only one", or into "all";
//   - what is named and outside the list is refused, never sent elsewhere;
//   - there is no default platform, even if the project has one only;
//   - an id of another project is as unknown as one that never was.
//
// Each row of the table has a name (Route::row), which the dry run shows and the tests go through.
//
// Threading: pure. Lifetime: Route::platform is one of those that `platforms` gave.
// Cost: a look-up for each hint, and for each id of the key's list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/access/objects.h"
#include "json/document.h"

namespace keywright::domain {

struct Policy;

// What a trace says of its platform; each list without repetitions.
struct RoutingHints {
  std::vector<std::string> platform_ids;
  std::vector<std::string> chatflow_ids;
  std::vector<std::string> workflow_ids;
  std::vector<std::string> service_names;

  bool operator==(const RoutingHints&) const = default;
};

// Adds `text` if it is not there yet.
void add_hint(std::vector<std::string>& hints, std::string_view text);
// `hints`, and what `more` has beyond it.
void add_hints(RoutingHints& hints, const RoutingHints& more);

// From the body of a native trace: platformId, and of metadata and externalMetadata
// mibo.platform_id (nested or as one dotted name), chatflowId, chatflow_id, agentflowId,
// workflowId, workflow_id, service.name and openinference.project.name. Flow ids may be whole
// numbers.
// Errors: invalid_request, naming each field that holds something else.
Result<RoutingHints> read_hints(const json::Value& body);

// From an attribute of an OTLP resource, its value as text; "" says nothing.
void note_attribute(RoutingHints& hints, std::string_view key, std::string_view value);
// Whether the attribute of a span names a workflow.
bool names_workflow(std::string_view key);

// What an OTLP request in JSON says, for each of its traces (a resource without spans is one, too).
// For trying out; what is stored is read by traces/otlp.h.
Result<std::vector<RoutingHints>> read_otlp_hints(const json::Value& body);

// The key's list of platforms as it was written, deleted ones included.
struct RoutingScope {
  bool all = true;
  std::vector<PlatformId> ids;
};

RoutingScope routing_scope_of(const Policy& policy);

// The platforms that exist now.
class Platforms {
 public:
  virtual const Platform* find(PlatformId id) const = 0;
  // Of this project and type, with this external id.
  virtual std::vector<const Platform*> with_external_id(ProjectId project, PlatformType type,
                                                        std::string_view external_id) const = 0;
  virtual std::vector<const Platform*> with_service_name(ProjectId project,
                                                         std::string_view name) const = 0;

 protected:
  ~Platforms() = default;
};

enum class RouteOutcome : unsigned char {
  routed,
  not_found,    // PLATFORM_NOT_FOUND
  not_allowed,  // PLATFORM_NOT_ALLOWED
  ambiguous,    // PLATFORM_AMBIGUOUS
  required,     // PLATFORM_REQUIRED
  scope_empty,  // SCOPE_EMPTY
};
// "PLATFORM_NOT_FOUND"; "ROUTED" for a routed trace.
std::string_view name_of(RouteOutcome outcome);
// For the sender: what is wrong, and how to mend it. "" for a routed trace.
std::string_view message_of(RouteOutcome outcome);

enum class RoutedBy : unsigned char { platform_id, metadata, service_name, key_scope };
std::string_view name_of(RoutedBy by);  // "platformId"

struct Route {
  RouteOutcome outcome = RouteOutcome::required;
  RoutedBy by = RoutedBy::platform_id;
  const Platform* platform = nullptr;
  std::vector<std::string> warnings;  // "metadata_unmatched", "metadata_mismatch", ...
  std::string_view row;               // of the table: "metadata names one outside the scope"
};

Route choose_platform(const RoutingHints& hints, const RoutingScope& scope, ProjectId project,
                      const Platforms& platforms);

}  // namespace keywright::domain
