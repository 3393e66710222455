// ingest/visit.h - what is known of one request to this door. Of this room only.
#pragma once

#include <optional>
#include <string>

#include "app/caller.h"
#include "base/ip.h"
#include "ingest/face.h"

namespace keywright::ingest {

struct Face::Visit {
  Door door = Door::any;
  Shape shape = Shape::native;
  std::string token;  // as presented; never kept longer than the request
  app::Caller caller;
  bool admitted = false;
  Sender sender;
  IpAddress address;
  std::optional<Refusal> refusal;  // in place of an Error, where there is more to say
  Decoded decoded;
  bool body_begun = false;  // taken from the wire, in part at least; what is left is read first
  std::size_t body_bytes = 0;
  bool is_use = true;     // of the key, if it is answered at all
  bool is_noted = false;  // why it was refused, where the project's people look for it
};

// What the answer to this request is written in. OTLP exporters read the body of an error in the
// type they sent.
Shape shape_of(const http::Request& request, Door door);

// The reason of an Error that stands for Visit::refusal.
inline constexpr std::string_view kRefusalIsReady = "refusal_is_ready";
inline Error refusal_is_ready() { return Error(Code::invalid_argument, kRefusalIsReady, ""); }

}  // namespace keywright::ingest
