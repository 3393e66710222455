// json/surrogates.h - mends what a sender's JSON library made of text that was cut in two.
//
//   if (mend_surrogates(body)) ...          // "cut \ud83d" has become "cut \ufffd": parse it again
//
// JSON.stringify writes half of a character beyond U+FFFF as a lone escape, which is no text at all
// and would be refused with everything around it. Each such escape becomes \ufffd, in place; the
// length stays the same. Pairs, and escaped backslashes, are left alone.
//
// Threading: pure. Cost: one pass, about 1 ns a byte where there are few backslashes.
#pragma once

#include <string>

namespace keywright::json {

// Whether there was anything to mend.
bool mend_surrogates(std::string& json);

}  // namespace keywright::json
