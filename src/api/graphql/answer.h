// api/graphql/answer.h - how GraphQL travels over HTTP: media types, statuses, refusals.
//
//   const Media media = media_wanted(exchange.request);
//   write_refusal(exchange.response, media, error, presented);
//
// A client that asks for application/graphql-response+json gets it, and statuses that say what
// happened: 400 for a document that was not executed. Everybody else gets application/json and 200
// for that, as clients of old expect. What is refused before there is a document has the same
// status for both: 400, 401, 403, 405, 413, 415, 429, 503.
//
// Threading: pure. Source: GraphQL over HTTP, working draft; RFC 6750 for the challenge.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace keywright::graphql_face {

enum class Media : unsigned char { json, graphql_response };

Media media_wanted(const http::Request& request);

// Replaces the response. `presented`: a credential came with the request.
void write_refusal(http::Response& response, Media media, const Error& error, bool presented);
void write_refusal(http::Response& response, Media media, int status, std::string_view code,
                   std::string_view message);

// Media type and caching for a body that is in place.
void finish(http::Response& response, Media media);

}  // namespace keywright::graphql_face
