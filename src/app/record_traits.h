// app/record_traits.h - which store record each object type becomes.
//
//   RecordTraits<domain::Platform>::type             -> store::RecordType::platform
//   RecordTraits<domain::Platform>::parent(platform) -> the id of its project
//
// Threading: constants and pure functions.
#pragma once

#include "domain/access/objects.h"
#include "store/store.h"

namespace keywright::app {

template <class T>
struct RecordTraits;

// Objects that belong to an organization and to nothing else.
template <class T, store::RecordType record_type>
struct OrganizationRecord {
  static constexpr store::RecordType type = record_type;
  static Uuid organization(const T& object) { return object.organization_id.value; }
  static Uuid parent(const T&) { return {}; }
};

// Objects that belong to a user.
template <class T, store::RecordType record_type>
struct UserRecord {
  static constexpr store::RecordType type = record_type;
  static Uuid organization(const T&) { return {}; }
  static Uuid parent(const T& object) { return object.user_id.value; }
};

template <class T, store::RecordType record_type>
struct RootRecord {
  static constexpr store::RecordType type = record_type;
  static Uuid organization(const T&) { return {}; }
  static Uuid parent(const T&) { return {}; }
};

using store::RecordType;

template <>
struct RecordTraits<domain::Organization>
    : RootRecord<domain::Organization, RecordType::organization> {};
template <>
struct RecordTraits<domain::User> : RootRecord<domain::User, RecordType::user> {};
template <>
struct RecordTraits<domain::Membership> {
  static constexpr RecordType type = RecordType::membership;
  static Uuid organization(const domain::Membership& m) { return m.organization_id.value; }
  static Uuid parent(const domain::Membership& m) { return m.user_id.value; }
};
template <>
struct RecordTraits<domain::Project> : OrganizationRecord<domain::Project, RecordType::project> {};
template <>
struct RecordTraits<domain::Platform> {
  static constexpr RecordType type = RecordType::platform;
  static Uuid organization(const domain::Platform& p) { return p.organization_id.value; }
  static Uuid parent(const domain::Platform& p) { return p.project_id.value; }
};
template <>
struct RecordTraits<domain::Target> : OrganizationRecord<domain::Target, RecordType::target> {};
template <>
struct RecordTraits<domain::McpServer>
    : OrganizationRecord<domain::McpServer, RecordType::mcp_server> {};
template <>
struct RecordTraits<domain::Registry> : OrganizationRecord<domain::Registry, RecordType::registry> {
};
template <>
struct RecordTraits<domain::Service> : OrganizationRecord<domain::Service, RecordType::service> {};
template <>
struct RecordTraits<domain::Keyspace> : OrganizationRecord<domain::Keyspace, RecordType::keyspace> {
};
template <>
struct RecordTraits<domain::Session> : UserRecord<domain::Session, RecordType::session> {};
template <>
struct RecordTraits<domain::Ticket> : UserRecord<domain::Ticket, RecordType::ticket> {};

}  // namespace keywright::app
