#include "http/router.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/text.h"
#include "http/characters.h"

namespace keywright::http {

namespace {

constexpr std::size_t kMethodCount = static_cast<std::size_t>(Method::other);

[[noreturn]] void mistaken_route(std::string_view route) {
  std::fprintf(stderr, "mistaken route: %.*s\n", static_cast<int>(route.size()), route.data());
  std::abort();
}

unsigned bit_of(Method method) { return 1U << static_cast<unsigned>(method); }

// Takes the segment up to the next slash, and the slash.
std::string_view take_segment(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return segment;
}

// A value that is a name, not a piece of path: nothing a later reader could take apart again.
bool is_safe_parameter(std::string_view text) {
  if (text.empty() || text == "." || text == ".." || !is_valid_utf8(text)) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '/' || c == '\\' || byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace

struct Router::Node {
  using Route = std::optional<std::size_t>;

  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> parameter;  // {name}
  std::unique_ptr<Node> rest;       // {name...}
  std::array<Route, kMethodCount> routes;
  // By route: several routes may share a node and name the same segment differently.
  std::array<std::vector<std::string>, kMethodCount> names;

  unsigned methods() const {
    unsigned mask = 0;
    for (std::size_t i = 0; i < kMethodCount; ++i) {
      if (routes[i]) mask |= bit_of(static_cast<Method>(i));
    }
    if (mask & bit_of(Method::get)) mask |= bit_of(Method::head);
    return mask;
  }

  Node& literal(std::string_view text) {
    for (auto& [name, node] : literals) {
      if (name == text) return *node;
    }
    return *literals.emplace_back(std::string(text), std::make_unique<Node>()).second;
  }

  const Node* find_literal(std::string_view text) const {
    for (const auto& [name, node] : literals) {
      if (name == text) return node.get();
    }
    return nullptr;
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(std::string_view method_and_pattern, std::size_t route) {
  const std::size_t space = method_and_pattern.find(' ');
  if (space == std::string_view::npos) mistaken_route(method_and_pattern);
  const Method method = parse_method(method_and_pattern.substr(0, space));
  std::string_view rest = method_and_pattern.substr(space + 1);
  if (method == Method::other || rest.empty() || rest.front() != '/') {
    mistaken_route(method_and_pattern);
  }
  rest.remove_prefix(1);
  Node* node = root_.get();
  std::vector<std::string> names;
  bool more = true;
  while (more) {
    more = rest.find('/') != std::string_view::npos;
    std::string_view segment = take_segment(rest);
    const bool is_parameter = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    if (!is_parameter) {
      node = &node->literal(segment);
      continue;
    }
    segment = segment.substr(1, segment.size() - 2);
    const bool takes_rest = segment.size() > 3 && segment.substr(segment.size() - 3) == "...";
    if (takes_rest && more) mistaken_route(method_and_pattern);
    names.emplace_back(takes_rest ? segment.substr(0, segment.size() - 3) : segment);
    auto& child = takes_rest ? node->rest : node->parameter;
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  auto& place = node->routes[static_cast<std::size_t>(method)];
  if (place || names.size() > RouteMatch::kMaxParameters) mistaken_route(method_and_pattern);
  place = route;
  node->names[static_cast<std::size_t>(method)] = std::move(names);
}

// A walk through the tree: the literal branch first, then the parameter, then the rest.
struct Router::Walk {
  Method method;
  RouteMatch& match;
  bool saw_bad_path = false;

  bool arrive(const Node& node) {
    match.allowed_ |= node.methods();
    Method as = method;
    if (as == Method::head && !node.routes[static_cast<std::size_t>(as)]) as = Method::get;
    if (as == Method::other || !node.routes[static_cast<std::size_t>(as)]) return false;
    match.route = *node.routes[static_cast<std::size_t>(as)];
    const auto& names = node.names[static_cast<std::size_t>(as)];
    for (std::size_t i = 0; i < names.size(); ++i) match.parameters_[i].name = names[i];
    return true;
  }

  // `more`: there is a segment left, perhaps an empty one.
  bool walk(const Node& node, std::string_view rest, bool more) {
    if (!more) return arrive(node);
    std::string_view after = rest;
    const bool more_after = rest.find('/') != std::string_view::npos;
    const std::string_view segment = take_segment(after);
    if (const Node* next = node.find_literal(segment)) {
      if (walk(*next, after, more_after)) return true;
      if (!more_after && next->methods() != 0) return false;  // this very path, another method
    }
    if (match.parameter_count_ == RouteMatch::kMaxParameters) return false;
    if (node.parameter && !segment.empty()) {
      const std::size_t decoded_before = match.decoded_size_;
      if (!push(segment)) {
        saw_bad_path = true;
      } else {
        if (walk(*node.parameter, after, more_after)) return true;
        --match.parameter_count_;
        match.decoded_size_ = decoded_before;
      }
    }
    if (!node.rest) return false;
    match.parameters_[match.parameter_count_++].value = rest;
    if (arrive(*node.rest)) return true;
    --match.parameter_count_;
    return false;
  }

  bool push(std::string_view segment) {
    std::string_view value = segment;
    if (segment.find('%') != std::string_view::npos) {
      char* const out = match.decoded_.data() + match.decoded_size_;
      std::size_t size = 0;
      if (!percent_decode(segment, out, match.decoded_.size() - match.decoded_size_, size)) {
        return false;
      }
      value = std::string_view(out, size);
      match.decoded_size_ += size;
    }
    if (!is_safe_parameter(value)) return false;
    match.parameters_[match.parameter_count_++].value = value;
    return true;
  }
};

RouteOutcome Router::match(Method method, std::string_view path, RouteMatch& match) const {
  match.parameter_count_ = 0;
  match.decoded_size_ = 0;
  match.allowed_ = 0;
  if (path.empty() || path.front() != '/') return RouteOutcome::unknown_path;
  Walk walk{method, match};
  if (walk.walk(*root_, path.substr(1), true)) return RouteOutcome::found;
  if (match.allowed_ != 0) return RouteOutcome::wrong_method;
  return walk.saw_bad_path ? RouteOutcome::bad_path : RouteOutcome::unknown_path;
}

std::string_view RouteMatch::parameter(std::string_view name) const {
  for (std::size_t i = 0; i < parameter_count_; ++i) {
    if (parameters_[i].name == name) return parameters_[i].value;
  }
  return {};
}

std::string RouteMatch::allow() const {
  std::string list;
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    const auto method = static_cast<Method>(i);
    if ((allowed_ & bit_of(method)) == 0) continue;
    if (!list.empty()) list.append(", ");
    list.append(to_string(method));
  }
  return list;
}

bool percent_decode(std::string_view text, char* out, std::size_t capacity, std::size_t& size) {
  size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (size == capacity) return false;
    if (text[i] != '%') {
      out[size++] = text[i];
      continue;
    }
    if (text.size() - i < 3 || !is(text[i + 1], Char::hex) || !is(text[i + 2], Char::hex))
      return false;
    out[size++] = static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
    i += 2;
  }
  return true;
}

}  // namespace keywright::http
