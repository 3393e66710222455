// app/give_back.h - what an admitted request took of its key's limits and credits, returned when it
// turns out that the caller may not do what he asked for.
//
//   auto caller = admit(...);                              // takes one use
//   ...                                                     // the operation: permission_denied
//   give_back(directory, *caller);                          // the refusal cost nothing
//
// A limit is asked before the right is known, so that who has used it up is kept from everything;
// what is then refused for lack of a right goes back ("denied for any earlier reason spends no
// limit").
//
// A face that knows only at the end whether a request was accepted admits with Use::noted_later and
// calls note_use() then.
//
// Threading: io threads. Cost: a look-up.
#pragma once

#include "app/caller.h"

namespace keywright::app {

void give_back(const Directory& directory, const Caller& caller);

// The last use, its address and the count of a request that went well.
void note_use(const Directory& directory, const Caller& caller, Time now);

}  // namespace keywright::app
