// app/recording.h - puts an object and writes the line of the audit log that tells of it.
//
//   record_created(change, call, project, "project", "/projects");
//   record_updated(change, call, before, after, "project");     // details: old and new values
//   record_deleted(change, call, project, "project");
//
// Threading: writer thread. Cost: one encoding of the object; an update encodes it twice.
#pragma once

#include <string>
#include <string_view>

#include "app/authority.h"
#include "app/listing.h"

namespace keywright::app {

// {"changed":{"name":{"before":"a","after":"b"}}} from two response forms.
json::Raw difference(std::string_view before, std::string_view after);

template <class T>
void record_created(Change& change, Call& call, const T& object, std::string_view type,
                    std::string_view collection) {
  change.put(object);
  change.audit(
      audit_event(change, call, object.organization_id, type, object.id.to_string(), object.name));
  call.reply.location = std::string(collection) + "/" + object.id.to_string();
  call.reply.etag = etag_of_object(object);
}

// Whether more than the name is another one. A name is for people; anything else of what stands
// between a key and a place may let less in than before.
template <class T>
bool differs_beyond_name(T before, const T& after) {
  before.name = after.name;
  return json::encode(before, {.form = json::Form::store}) !=
         json::encode(after, {.form = json::Form::store});
}

template <class T>
Result<void> record_updated(Change& change, Call& call, const T& before, const T& after,
                            std::string_view type) {
  KW_CHECK_OK(check_if_match(call, etag_of_object(before)));
  call.reply.etag = etag_of_object(after);
  const std::string old_text = json::encode(before);
  const std::string new_text = json::encode(after);
  if (json::encode(before, {.form = json::Form::store}) ==
      json::encode(after, {.form = json::Form::store})) {
    return {};
  }
  change.put(after);
  auto event =
      audit_event(change, call, after.organization_id, type, after.id.to_string(), after.name);
  event.details = difference(old_text, new_text);
  change.audit(std::move(event));
  return {};
}

template <class T>
Result<void> record_deleted(Change& change, Call& call, const T& object, std::string_view type) {
  KW_CHECK_OK(check_if_match(call, etag_of_object(object)));
  change.audit(
      audit_event(change, call, object.organization_id, type, object.id.to_string(), object.name));
  change.removes_access();
  change.erase<T>(object.id.value);
  return {};
}

}  // namespace keywright::app
