#include "domain/keys/token.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/signature.h"
#include "json/writer.h"

namespace keywright::domain {
namespace {

constexpr std::size_t kChecksumCharacters = 6;
constexpr std::size_t kShownCharacters = 12;
constexpr std::string_view kEllipsis = "\u2026";
constexpr std::string_view kJwtStart = "eyJ";

// Claims are for people who look into a token: where very long names would make it too long to be
// read back, they are cut.
constexpr std::size_t kCutClaimBytes = 240;

std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (text[bytes] & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

std::string claims(const TokenParts& parts, std::size_t bytes_each) {
  std::string payload;
  json::Writer writer(payload);
  writer.begin_object();
  writer.key("jti").string(parts.jti);
  writer.key("tenant").string(cut(parts.tenant, bytes_each));
  writer.key("username").string(cut(parts.username, bytes_each));
  if (parts.expires_at_seconds != 0) writer.key("exp").integer(parts.expires_at_seconds);
  writer.end_object();
  return payload;
}

Secret<std::string> make_jwt(const TokenParts& parts, const crypto::MacKey& key) {
  std::string token = crypto::sign_hs256(claims(parts, std::string_view::npos), key);
  if (token.size() > kTokenCharactersMax) {
    token = crypto::sign_hs256(claims(parts, kCutClaimBytes), key);
  }
  return Secret(std::move(token));
}

Secret<std::string> make_random(const Kind& kind, std::string_view prefix, Random& random) {
  const Secret<std::string> secret(random_base62(random, kind.secret_characters));
  Secret<std::string> made;
  std::string& token = made.reveal();
  // Room for all of it at once, so that no outgrown copy stays behind in the heap.
  token.reserve(prefix.size() + secret.reveal().size() + kChecksumCharacters);
  token.append(prefix).append(secret.reveal());
  if (kind.shape == TokenShape::prefixed_checksum || kind.shape == TokenShape::keyspace) {
    token += encode_base62(crc32(token), kChecksumCharacters);
  }
  return made;
}

// Up to and with the third hyphen: "ok1-2-32-". Of a token that looks otherwise, the first 12.
std::string_view ids_of(const Kind& kind, std::string_view token) {
  if (!token.starts_with(kind.prefix)) return token.substr(0, kShownCharacters);
  std::size_t end = 0;
  for (int hyphens = 0; hyphens < 3; ++hyphens) {
    end = token.find('-', end);
    if (end == std::string_view::npos) return token.substr(0, kShownCharacters);
    ++end;
  }
  return token.substr(0, end);
}

bool has_checksum(std::string_view token) {
  char expected[kChecksumCharacters];
  std::string_view head = token.substr(0, token.size() - kChecksumCharacters);
  encode_base62_into(crc32(head), expected);
  return token.substr(head.size()) == std::string_view(expected, kChecksumCharacters);
}

bool reads_as_random(const Kind& kind, std::string_view token) {
  const std::string_view rest = token.substr(kind.prefix.size());
  if (kind.shape == TokenShape::prefixed) {
    return rest.size() == kind.secret_characters && is_base62(rest);
  }
  return rest.size() == kind.secret_characters + kChecksumCharacters && is_base62(rest) &&
         has_checksum(token);
}

// "<digits>-", of which `text` loses what was read.
bool skip_serial(std::string_view& text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_ascii_digit(text[digits])) ++digits;
  if (digits == 0 || digits > 19 || digits == text.size() || text[digits] != '-') return false;
  text.remove_prefix(digits + 1);
  return true;
}

// Other systems issue tokens of this form with secrets of their own, so any visible text will do.
bool reads_as_connect(const Kind& kind, std::string_view token) {
  std::string_view rest = token.substr(kind.prefix.size());
  if (!skip_serial(rest) || !skip_serial(rest) || rest.empty()) return false;
  return std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c <= '~'; });
}

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

bool is_canonical_base64url(std::string_view text) {
  if (text.empty() || text.size() % 4 == 1) return false;
  for (char c : text) {
    if (base64url_value(c) < 0) return false;
  }
  // The last character of an unfinished group has bits that stand for nothing: they must be 0.
  const int last = base64url_value(text.back());
  if (text.size() % 4 == 2) return (last & 15) == 0;
  if (text.size() % 4 == 3) return (last & 3) == 0;
  return true;
}

bool reads_as_jwt(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return false;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return false;
  return is_canonical_base64url(token.substr(0, first)) &&
         is_canonical_base64url(token.substr(first + 1, second - first - 1)) &&
         is_canonical_base64url(token.substr(second + 1));
}

// Any "<prefix>_<43><checksum>": which keyspaces exist is not known here.
bool reads_as_keyspace(const Kind& kind, std::string_view token) {
  const std::size_t tail = kind.secret_characters + kChecksumCharacters;
  if (token.size() < tail + 3 || token.size() > tail + 32) return false;
  const std::string_view prefix = token.substr(0, token.size() - tail);
  return prefix.ends_with('_') && is_base62(token.substr(prefix.size())) && has_checksum(token);
}

}  // namespace

NewToken make_token(const Kind& kind, const TokenParts& parts, const crypto::MacKey& jwt_key,
                    Random& random) {
  NewToken made;
  switch (kind.shape) {
    case TokenShape::prefixed_checksum:
    case TokenShape::prefixed: made.token = make_random(kind, kind.prefix, random); break;
    case TokenShape::keyspace: made.token = make_random(kind, parts.keyspace_prefix, random); break;
    case TokenShape::connect:
      made.token = make_random(kind,
                               kind.prefix + std::to_string(parts.user_serial) + "-" +
                                   std::to_string(parts.key_serial) + "-",
                               random);
      break;
    case TokenShape::jwt: made.token = make_jwt(parts, jwt_key); break;
  }
  const std::string_view token = made.token.reveal();
  made.shown = shown_of(kind, token, token.substr(token.size() - 4));
  return made;
}

ReadToken read_token(const Kinds& kinds, std::string_view token) {
  if (token.empty() || token.size() > kTokenCharactersMax) return {TokenForm::malformed, nullptr};
  for (const Kind& kind : kinds.all()) {
    if (kind.prefix.empty() || !token.starts_with(kind.prefix)) continue;
    const bool reads = kind.shape == TokenShape::connect ? reads_as_connect(kind, token)
                                                         : reads_as_random(kind, token);
    return {reads ? TokenForm::recognised : TokenForm::malformed, &kind};
  }
  if (token.starts_with(kJwtStart)) {
    return {reads_as_jwt(token) ? TokenForm::recognised : TokenForm::malformed, nullptr};
  }
  const bool reads = std::any_of(kinds.all().begin(), kinds.all().end(), [token](const Kind& kind) {
    return kind.shape == TokenShape::keyspace && reads_as_keyspace(kind, token);
  });
  return {reads ? TokenForm::recognised : TokenForm::unrecognised, nullptr};
}

Shown shown_of(const Kind& kind, std::string_view token_prefix, std::string_view last4) {
  const std::string tail(last4.substr(last4.size() - std::min<std::size_t>(4, last4.size())));
  std::string_view head = token_prefix.substr(0, kShownCharacters);
  switch (kind.mask) {
    case Mask::first12:
      if (head.empty()) return {"", tail, std::string(kEllipsis) + tail};
      break;
    case Mask::ids: head = ids_of(kind, token_prefix); break;
    case Mask::last4_prefixed:
      if (head.empty() || token_prefix.starts_with(kind.prefix)) head = kind.prefix;
      return {std::string(head), tail, std::string(head) + "..." + tail};
    case Mask::last4: return {"", tail, std::string(kEllipsis) + tail};
  }
  return {std::string(head), "", std::string(head) + std::string(kEllipsis)};
}

}  // namespace keywright::domain
