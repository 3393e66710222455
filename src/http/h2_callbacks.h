// http/h2_callbacks.h - between nghttp2 and a Session.
//
//   nghttp2_session* engine = open_engine(session);      // our settings are submitted
//   submit_response(engine, stream, fields, has_data);   // the head, then DATA as it is there
//
// A callback notes what happened to a stream, and what a client spends of its budgets; nothing here
// calls a handler or resumes a coroutine.
//
// Threading: as Session. Lifetime: the engine's owner calls nghttp2_session_del().
#pragma once

#include <vector>

#include "http/h2_head.h"

struct nghttp2_session;

namespace keywright::http::h2 {

class Session;
class Stream;

// Null if there is no memory.
nghttp2_session* open_engine(Session& session);

bool submit_response(nghttp2_session* engine, Stream& stream, const std::vector<OutField>& fields,
                     bool has_data);

}  // namespace keywright::http::h2
