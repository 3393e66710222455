#include "domain/traces/routing.h"

#include <algorithm>

#include "domain/keys/key.h"

namespace keywright::domain {
namespace {

// What some hints have found in the project.
struct Matches {
  std::vector<const Platform*> all;
  std::vector<const Platform*> in_scope;

  bool none() const { return all.empty(); }
};

bool in_scope(const RoutingScope& scope, PlatformId id) {
  return scope.all || std::find(scope.ids.begin(), scope.ids.end(), id) != scope.ids.end();
}

void add_matches(Matches& matches, const std::vector<const Platform*>& found,
                 const RoutingScope& scope) {
  for (const Platform* platform : found) {
    const auto known = [platform](const Platform* other) { return other->id == platform->id; };
    if (std::any_of(matches.all.begin(), matches.all.end(), known)) continue;
    matches.all.push_back(platform);
    if (in_scope(scope, platform->id)) matches.in_scope.push_back(platform);
  }
}

// How many different platforms the key was given, deleted ones included.
std::size_t listed(const RoutingScope& scope) {
  std::vector<PlatformId> ids = scope.ids;
  std::sort(ids.begin(), ids.end());
  return static_cast<std::size_t>(std::unique(ids.begin(), ids.end()) - ids.begin());
}

class Router {
 public:
  Router(const RoutingHints& hints, const RoutingScope& scope, ProjectId project,
         const Platforms& platforms)
      : hints_(hints), scope_(scope), project_(project), platforms_(platforms) {}

  Route choose() const {
    if (!scope_.all && !any_listed_lives()) {
      return refused(RouteOutcome::scope_empty, "every platform of the key's list was deleted");
    }
    if (!hints_.platform_ids.empty()) return by_id();
    const Matches flows = matches_of_flows();
    if (!flows.none()) return by_matches(flows, RoutedBy::metadata);
    const Matches services = matches_of_services();
    if (!services.none()) {
      Route route = by_matches(services, RoutedBy::service_name);
      if (names_flows()) warn_of_unmatched(route);
      return route;
    }
    return by_key();
  }

 private:
  static Route refused(RouteOutcome outcome, std::string_view row) {
    Route route;
    route.outcome = outcome;
    route.row = row;
    return route;
  }

  static Route routed(const Platform& platform, RoutedBy by, std::string_view row) {
    Route route;
    route.outcome = RouteOutcome::routed;
    route.platform = &platform;
    route.by = by;
    route.row = row;
    return route;
  }

  static bool contains(const Matches& matches, PlatformId id) {
    return std::any_of(matches.all.begin(), matches.all.end(),
                       [id](const Platform* platform) { return platform->id == id; });
  }

  const Platform* living(PlatformId id) const {
    const Platform* platform = platforms_.find(id);
    return platform != nullptr && platform->project_id == project_ ? platform : nullptr;
  }

  bool any_listed_lives() const {
    return std::any_of(scope_.ids.begin(), scope_.ids.end(),
                       [this](PlatformId id) { return living(id) != nullptr; });
  }

  bool names_flows() const { return !hints_.chatflow_ids.empty() || !hints_.workflow_ids.empty(); }

  Matches matches_of_flows() const {
    Matches matches;
    for (const std::string& id : hints_.chatflow_ids) {
      add_matches(matches, platforms_.with_external_id(project_, PlatformType::flowise, id),
                  scope_);
    }
    for (const std::string& id : hints_.workflow_ids) {
      add_matches(matches, platforms_.with_external_id(project_, PlatformType::n8n, id), scope_);
    }
    return matches;
  }

  Matches matches_of_services() const {
    Matches matches;
    for (const std::string& name : hints_.service_names) {
      add_matches(matches, platforms_.with_service_name(project_, name), scope_);
    }
    return matches;
  }

  Route by_id() const {
    if (hints_.platform_ids.size() > 1) {
      return refused(RouteOutcome::ambiguous, "several different platform ids");
    }
    const auto id = PlatformId::parse(hints_.platform_ids.front());
    const Platform* platform = id ? living(*id) : nullptr;
    if (platform == nullptr) {
      return refused(RouteOutcome::not_found, "the id is unknown, deleted or of another project");
    }
    if (!in_scope(scope_, platform->id)) {
      return refused(RouteOutcome::not_allowed, "the id is outside the key's scope");
    }
    Route route = routed(*platform, RoutedBy::platform_id, "the id is inside the key's scope");
    const bool agrees =
        (!names_flows() || contains(matches_of_flows(), platform->id)) &&
        (hints_.service_names.empty() || contains(matches_of_services(), platform->id));
    if (!agrees) route.warnings.emplace_back("metadata_mismatch");
    return route;
  }

  static Route by_matches(const Matches& matches, RoutedBy by) {
    const bool metadata = by == RoutedBy::metadata;
    if (matches.in_scope.empty()) {
      return refused(RouteOutcome::not_allowed,
                     metadata ? "metadata names a platform outside the key's scope"
                              : "the service name is of a platform outside the key's scope");
    }
    if (matches.in_scope.size() > 1) {
      return refused(RouteOutcome::ambiguous, metadata
                                                  ? "metadata matches several platforms"
                                                  : "the service name matches several platforms");
    }
    const bool several = matches.all.size() > 1;
    std::string_view row =
        metadata ? "metadata matches one platform" : "the service name matches one platform";
    if (several) {
      row = metadata ? "metadata matches several platforms, one inside the key's scope"
                     : "the service name matches several platforms, one inside the key's scope";
    }
    return routed(*matches.in_scope.front(), by, row);
  }

  Route by_key() const {
    const bool named = names_flows() || !hints_.service_names.empty();
    const bool restricted_to_one = !scope_.all && listed(scope_) == 1;
    if (!restricted_to_one) {
      return refused(RouteOutcome::required,
                     named ? "what is named matches no platform" : "nothing names a platform");
    }
    Route route = routed(*living(scope_.ids.front()), RoutedBy::key_scope,
                         named ? "what is named matches no platform, and the key has exactly one"
                               : "nothing names a platform, and the key has exactly one");
    if (named) warn_of_unmatched(route);
    return route;
  }

  static void warn_of_unmatched(Route& route) {
    if (route.outcome == RouteOutcome::routed) route.warnings.emplace_back("metadata_unmatched");
  }

  const RoutingHints& hints_;
  const RoutingScope& scope_;
  const ProjectId project_;
  const Platforms& platforms_;
};

}  // namespace

RoutingScope routing_scope_of(const Policy& policy) {
  RoutingScope scope;
  if (!policy.scope || policy.scope->all) return scope;
  scope.all = false;
  for (const std::string& id : policy.scope->ids) {
    if (const auto platform = PlatformId::parse(id)) scope.ids.push_back(*platform);
  }
  return scope;
}

void add_hint(std::vector<std::string>& hints, std::string_view text) {
  if (std::find(hints.begin(), hints.end(), text) == hints.end()) hints.emplace_back(text);
}

void add_hints(RoutingHints& hints, const RoutingHints& more) {
  const auto add_all = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
    for (const std::string& text : from) add_hint(to, text);
  };
  add_all(hints.platform_ids, more.platform_ids);
  add_all(hints.chatflow_ids, more.chatflow_ids);
  add_all(hints.workflow_ids, more.workflow_ids);
  add_all(hints.service_names, more.service_names);
}

std::string_view name_of(RouteOutcome outcome) {
  switch (outcome) {
    case RouteOutcome::routed: return "ROUTED";
    case RouteOutcome::not_found: return "PLATFORM_NOT_FOUND";
    case RouteOutcome::not_allowed: return "PLATFORM_NOT_ALLOWED";
    case RouteOutcome::ambiguous: return "PLATFORM_AMBIGUOUS";
    case RouteOutcome::required: return "PLATFORM_REQUIRED";
    case RouteOutcome::scope_empty: return "SCOPE_EMPTY";
  }
  return "";
}

std::string_view message_of(RouteOutcome outcome) {
  switch (outcome) {
    case RouteOutcome::routed: return "";
    case RouteOutcome::not_found: return "No platform of this project has the given platform id.";
    case RouteOutcome::not_allowed:
      return "This API key is restricted to certain platforms, and the platform of this trace is "
             "not allowed for it. Add the platform to the key's scope, or send another key.";
    case RouteOutcome::ambiguous:
      return "Several platforms match this trace. Name the one that is meant by platformId.";
    case RouteOutcome::required:
      return "The platform of this trace cannot be told. Name it in one of three ways: send "
             "platformId (or the attribute mibo.platform_id); send metadata that matches a "
             "platform, that is chatflowId for Flowise or workflowId for n8n, or a service.name; "
             "or use an API key that is restricted to exactly one platform.";
    case RouteOutcome::scope_empty:
      return "This API key is restricted to platforms that were all deleted. Change its scope, or "
             "send another key.";
  }
  return "";
}

std::string_view name_of(RoutedBy by) {
  switch (by) {
    case RoutedBy::platform_id: return "platformId";
    case RoutedBy::metadata: return "metadata";
    case RoutedBy::service_name: return "serviceName";
    case RoutedBy::key_scope: return "keyScope";
  }
  return "";
}

Route choose_platform(const RoutingHints& hints, const RoutingScope& scope, ProjectId project,
                      const Platforms& platforms) {
  return Router(hints, scope, project, platforms).choose();
}

}  // namespace keywright::domain
