// api/targets/answers.h - what this API sends: its objects, its pages and its errors.
//
//   {"id":"...","name":"..."}                       a key; `key` only in the answer that makes it
//   {"id":"...","name":"...","url":"..."}           a target
//   {"detail":"Not found."}                         401, 403, 404 and every other refusal
//   {"name":["This field is required."]}            400, with non_field_errors for the whole
//
// The other way: keys and targets as the operations give them (app/key_views.h), as far as they
// count here. Nothing is described twice but what has other names or another shape in this API.
//
// Threading: pure.
#pragma once

#include <string>
#include <string_view>

#include "api/targets/pages.h"
#include "app/listing.h"
#include "base/result.h"
#include "base/secret.h"
#include "domain/access/ids.h"
#include "http/message.h"
#include "json/patch.h"

namespace keywright::api_targets {

struct OwnerRow {
  std::string type;
  std::string id;
};
KW_DESCRIBE(OwnerRow, field<&OwnerRow::type>("type", "What kind of owner."),
            field<&OwnerRow::id>("id", "Its id."))

struct KeyRow {
  std::string id;
  std::string kind;
  std::string name;
  std::string status;
  OwnerRow owner;
  json::Patch<Secret<std::string>> key;
};
KW_DESCRIBE(KeyRow, field<&KeyRow::id>("id", "Id of the key."),
            field<&KeyRow::kind>("kind", "What it is for."),
            field<&KeyRow::name>("name", "Shown to people."),
            field<&KeyRow::status>("status", "active, disabled, expired or revoked."),
            field<&KeyRow::owner>("owner", "Who it acts for."),
            field<&KeyRow::key>("key", "The secret, once.", shown))
KW_LIST_OF(KeyRows, KeyRow)

struct TargetRow {
  std::string id;
  domain::OrganizationId organization_id;
  std::string name;
  std::string url;
};
KW_DESCRIBE(TargetRow, field<&TargetRow::id>("id", "Id of the target."),
            field<&TargetRow::organization_id>("organization_id", "Where it belongs."),
            field<&TargetRow::name>("name", "Shown to people."),
            field<&TargetRow::url>("url", "Address that it stands for."))
KW_LIST_OF(TargetRows, TargetRow)

struct TokenRow {
  Secret<std::string> token;
};
KW_DESCRIBE(TokenRow, field<&TokenRow::token>("token", "Of a person who signed in.", shown))

inline Item item_of(KeyRow row) { return {std::move(row.id), std::move(row.name), {}}; }
inline Item item_of(TargetRow row) {
  return {std::move(row.id), std::move(row.name), std::move(row.url)};
}

enum class Shape : unsigned char { key, target };

void write_item(std::string& out, const Item& item, Shape shape);
void write_made_key(std::string& out, const KeyRow& made);
void write_page(std::string& out, const Page& page, Shape shape);
void write_token(std::string& out, std::string_view token);

// Replaces the response. `method` and `content_type` are those of the request, for the words.
struct Refused {
  std::string_view method;
  std::string_view content_type;
  std::string_view allow = {};  // of a 405
};
void write_error(http::Response& response, const Error& error, const Refused& refused);

// What every answer carries.
void add_headers(http::Response& response);

}  // namespace keywright::api_targets
