#include "app/operation.h"

#include "app/authority.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "json/document.h"

namespace keywright::app::operation_detail {
namespace {

constexpr std::chrono::hours kIdempotencyLife{24};

Error reused_key() {
  return Error(Code::unprocessable, "idempotency_key_reused",
               "This Idempotency-Key came with another request before. Use a new one for a new "
               "request.");
}

// A right that was lost meanwhile does not come back with the answer to an earlier request.
Result<void> may_hear_again(const Change& change, const Call& call, std::string_view answer) {
  const auto document = json::Document::parse(answer);
  const auto named = document ? document->root().find("organization_id") : std::nullopt;
  const auto text = named ? named->as_string() : std::nullopt;
  const auto organization = Uuid::parse(text.value_or(""));
  if (!organization) return {};
  return authorise(change, call, domain::OrganizationId{*organization});
}

}  // namespace

std::string hash_of_request(const Arguments& arguments) {
  std::string text(arguments.method_and_path);
  for (const json::Parameter& parameter : arguments.parameters) {
    text.append("\n").append(parameter.name).append("=").append(parameter.value);
  }
  text.append("\n\n").append(arguments.body);
  return encode_hex(crypto::sha256(text));
}

void drop_secrets(const json::Type& type, void* object) {
  for (const json::Field& field : type.fields) {
    const json::Type& inner = field.type();
    const bool may_be_empty = inner.optional != nullptr;
    if (may_be_empty && inner.element().shape == json::Shape::secret) {
      if (inner.shape == json::Shape::patch) {  // left out, as from every later answer
        *static_cast<json::Patch<Secret<std::string>>*>(field.member(object)) = {};
      } else {
        inner.optional->set_null(field.member(object));
      }
    } else if (inner.shape == json::Shape::secret) {
      inner.secret->assign(field.member(object), "");
    }
  }
}

// The writer looks for the earlier answer itself, so that two requests with one key cannot both be
// the first.
Task<Result<void>> run_change(App& app, Call& call, const IdempotentWork& work) {
  const ChangeWork under_key = [&](Change& change) -> Result<void> {
    if (call.idempotency_key.empty()) return work.work(change);
    const std::string caller = call.caller.name();
    KW_TRY(auto earlier, change.find_answer(caller, call.idempotency_key));
    if (earlier && earlier->expires_at > change.now) {
      if (earlier->request_hash != call.request_hash) return fail(reused_key());
      KW_CHECK_OK(may_hear_again(change, call, earlier->body));
      call.reply.status = earlier->status;
      call.reply.replayed = true;
      call.replayed_body = std::move(earlier->body);
      return {};
    }
    KW_CHECK_OK(work.work(change));
    change.transaction.idempotent_answer =
        store::IdempotentAnswer{caller,
                                call.idempotency_key,
                                call.request_hash,
                                call.reply.status != 0 ? call.reply.status : call.operation->status,
                                work.replayable(),
                                change.now + kIdempotencyLife};
    return {};
  };
  KW_CO_TRY(call.committed, co_await app.committer.submit(under_key));
  co_return Result<void>();
}

}  // namespace keywright::app::operation_detail
