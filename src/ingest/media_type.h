// ingest/media_type.h - what a request says its body is.
//
//   const MediaType type = media_type_of(request);
//   if (type.name == "application/json" && type.is_utf8()) ...
//
// Names compare without case, and as a whole: application/x-protobuffer is not protobuf. Parameters
// are read as RFC 9110 has them, so that what stands inside of quotes is no parameter.
//
// Threading: pure. Cost: one pass over the field.
#pragma once

#include <string>

#include "http/message.h"

namespace keywright::ingest {

struct MediaType {
  std::string name;     // "application/json", in lower case, without parameters
  std::string charset;  // in lower case; "" if it says none

  bool is_protobuf() const;
  // UTF-8, or what is a part of it.
  bool is_utf8() const;
};

MediaType media_type_of(const http::Request& request);

}  // namespace keywright::ingest
