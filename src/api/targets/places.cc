#include "api/targets/places.h"

#include <algorithm>
#include <array>
#include <optional>

namespace keywright::api_targets {
namespace {

using http::Method;

constexpr std::size_t kSegmentsMax = 5;

// The segments between the slashes; more than anything here has are counted, not kept.
struct Segments {
  std::array<std::string_view, kSegmentsMax> items;
  std::size_t count = 0;
  bool has_empty = false;
  bool ends_in_slash = false;
};

Segments split(std::string_view path) {
  Segments segments;
  path.remove_prefix(1);
  segments.ends_in_slash = path.ends_with('/');
  if (segments.ends_in_slash) path.remove_suffix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segments.count < kSegmentsMax) segments.items[segments.count] = segment;
    ++segments.count;
    if (segment.empty()) segments.has_empty = true;
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

std::optional<Resource> token_resource(std::string_view name) {
  if (name == "obtain") return Resource::obtain;
  if (name == "verify") return Resource::verify;
  if (name == "refresh") return Resource::refresh;
  if (name == "revoke") return Resource::revoke;
  return std::nullopt;
}

std::optional<Resource> resource_at(const Segments& segments) {
  const auto& [first, second, third, fourth, fifth] = segments.items;
  if (first == "keys") {
    if (segments.count == 1) return Resource::account_keys;
    if (segments.count == 2) return Resource::account_key;
  }
  if (first == "targets") {
    if (segments.count == 1) return Resource::targets;
    if (segments.count == 2) return Resource::target;
    if (segments.count == 3 && third == "keys") return Resource::target_keys;
    if (segments.count == 4 && third == "keys") return Resource::target_key;
  }
  if (first == "auth" && segments.count == 2) return token_resource(second);
  return std::nullopt;
}

// Under `/name`, to the end or up to a slash.
bool is_under(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool is_single(Resource resource) {
  return resource == Resource::account_key || resource == Resource::target_key;
}

}  // namespace

// An empty segment before one of our names, or behind /auth, is ours to refuse.
bool serves(std::string_view path) {
  std::size_t first = 0;
  while (first < path.size() && path[first] == '/') ++first;
  if (first == 0 || first == path.size()) return false;
  path.remove_prefix(first - 1);
  const char initial = path[1];
  if (initial != 'k' && initial != 't' && initial != 'a') return false;  // most paths
  if (is_under(path, "/keys") || is_under(path, "/targets")) return true;
  if (!path.starts_with("/auth/")) return false;
  std::string_view rest = path.substr(6);
  rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
  return token_resource(rest.substr(0, rest.find('/'))).has_value();
}

Place place_of(std::string_view path) {
  const Segments segments = split(path);
  Place place;
  if (segments.has_empty) {
    place.finding = Finding::empty_segment;
    return place;
  }
  const auto resource = resource_at(segments);
  if (!resource) return place;
  place.finding = segments.ends_in_slash ? Finding::known : Finding::slash_missing;
  place.resource = *resource;
  if (place.resource == Resource::account_key) place.key = segments.items[1];
  if (segments.items[0] == "targets") {
    place.target = segments.items[1];
    place.key = segments.items[3];
  }
  return place;
}

bool is_for_anyone(Resource resource) { return resource >= Resource::obtain; }

bool allows(Resource resource, Method method) {
  if (is_for_anyone(resource)) return method == Method::post;
  if (method == Method::get || method == Method::head) return true;
  if (resource == Resource::target) {
    return method == Method::put || method == Method::patch || method == Method::delete_;
  }
  return method == (is_single(resource) ? Method::delete_ : Method::post);
}

std::string_view allowed_methods(Resource resource) {
  if (is_for_anyone(resource)) return "POST";
  if (resource == Resource::target) return "GET, HEAD, PUT, PATCH, DELETE";
  return is_single(resource) ? "GET, HEAD, DELETE" : "GET, HEAD, POST";
}

}  // namespace keywright::api_targets
