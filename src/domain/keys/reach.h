// domain/keys/reach.h - does a key get to one resource? The part of decide() that asks for it.
//
//   Found found;
//   if (reach(ref, Bearer{...}, records, found) != Reach::reached) refuse(Outcome::out_of_scope);
//
// Two things must hold: the key's owner gets there now, and the key's scope names it. The owner is
// asked first, so that nothing is told of a resource that the owner does not get to.
//
// Threading: pure. Cost: no allocation; one look-up, and a walk over the ids of a listed scope.
#pragma once

#include "domain/keys/decide.h"

namespace keywright::domain {

// The key and those it acts for, all known to exist. `user` is set for kinds that users own.
struct Bearer {
  const KeyRecord& key;
  const Kind& kind;
  const Organization& organization;
  const User* user = nullptr;
};

// What was reached; left alone unless the answer is `reached`.
struct Found {
  Resource resource;
  OrganizationId organization;
  const Service* service = nullptr;
};

enum class Reach : unsigned char {
  reached,
  unknown,     // there is none, or the owner does not get to it: the same answer
  wrong_type,  // keys of this kind, or this key, never open resources of this type
  not_listed,  // the key's scope does not name it
  audience,    // a service that is not meant for keys of this kind
};

Reach reach(const ResourceRef& ref, const Bearer& bearer, const Records& records, Found& found);

}  // namespace keywright::domain
