#include "api/rest/openapi.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "api/rest/admission.h"
#include "api/rest/answer.h"
#include "base/text.h"
#include "json/raw.h"
#include "json/schema.h"

namespace keywright::rest {

// The body of every error, as http/problem.h writes it.
struct ProblemField {
  std::string field;
  std::string message;
};
KW_DESCRIBE(ProblemField,
            field<&ProblemField::field>("field", "Path of the field: `scope.ids[2]`."),
            field<&ProblemField::message>("message", "What it must be."))

struct Problem {
  std::string type;
  std::string title;
  std::int64_t status = 0;
  std::string code;
  std::string detail;
  std::string request_id;
  json::Patch<std::vector<ProblemField>> errors;
};
KW_DESCRIBE(Problem, field<&Problem::type>("type", "Always `about:blank`."),
            field<&Problem::title>("title", "Name of the status.", example("Bad Request")),
            field<&Problem::status>("status", "The status of the answer.", example("400")),
            field<&Problem::code>("code", "What it was, for programs. Never changes its meaning.",
                                  example("invalid_request")),
            field<&Problem::detail>("detail", "What it was, for people."),
            field<&Problem::request_id>("request_id", "As in X-Request-Id and in the audit log."),
            field<&Problem::errors>("errors", "Fields of the request that have to change."))

namespace {

using app::Admits;
using app::Operation;
using json::Field;
using json::Form;
using json::Place;
using json::SchemaSet;
using json::Writer;

constexpr std::string_view kAbout =
    "Keys for people, machines and customers: create, narrow, verify, rotate and revoke them.\n\n"
    "Every error is `application/problem+json` with a stable `code` and the `request_id`. Lists "
    "are `{items, next_cursor}`, newest first. Times are RFC 3339 in UTC. Unknown and read-only "
    "fields in a request are refused with a 400 that names them.";

struct ErrorResponse {
  int status;
  std::string_view name;
  std::string_view description;
};

constexpr std::array kErrors = {
    ErrorResponse{400, "BadRequest", "The request is not well formed; `errors` names the fields."},
    ErrorResponse{401, "Unauthorized", "No credential, or one that is not valid."},
    ErrorResponse{403, "Forbidden", "The caller is known and may not do this."},
    ErrorResponse{404, "NotFound", "Nothing has this id, or the caller may not see it."},
    ErrorResponse{409, "Conflict", "It contradicts the state of things."},
    ErrorResponse{412, "PreconditionFailed", "It was changed since the ETag in If-Match."},
    ErrorResponse{413, "ContentTooLarge", "The body is over the limit of 1 MiB."},
    ErrorResponse{415, "UnsupportedMediaType", "The body is not application/json."},
    ErrorResponse{422, "IdempotencyKeyReused",
                  "This Idempotency-Key came with another request before."},
    ErrorResponse{429, "TooManyRequests", "A limit is used up; `Retry-After` says for how long."},
    ErrorResponse{503, "Unavailable", "Not at this moment; `Retry-After` says when to try again."},
    ErrorResponse{507, "InsufficientStorage", "The disk is full. Nothing was changed."},
};

struct Scheme {
  std::string_view name;
  std::string_view definition;  // JSON
};

constexpr std::array kSchemes = {
    Scheme{"bearer",
           R"({"type":"http","scheme":"bearer","description":"A key, or the token of a session )"
           R"(begun with `transport: bearer`."})"},
    Scheme{"api_key", R"({"type":"apiKey","in":"header","name":"X-API-Key","description":"A key )"
                      R"(of a kind that may be sent so."})"},
    Scheme{"session", R"({"type":"apiKey","in":"cookie","name":"keywright_session","description":)"
                      R"("Set by the sign-in; over TLS its name begins with `__Host-`. Changes )"
                      R"(need the `X-CSRF-Token` field too."})"},
};

std::string operation_id(std::string_view name) {
  std::string id(name);
  std::replace_if(id.begin(), id.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return id;
}

bool has_body(const Operation& operation) {
  if (operation.method == "GET") return false;
  return std::any_of(operation.input->fields.begin(), operation.input->fields.end(),
                     [](const Field& field) { return field.is_in(Form::request, false); });
}

bool has_path_parameters(const Operation& operation) {
  return operation.path.find('{') != std::string_view::npos;
}

bool answers_nothing(const Operation& operation) {
  return operation.output == &json::type_of<app::Nothing>();
}

bool takes_idempotency_key(const Operation& operation) {
  return operation.method == "POST" && operation.is_change;
}

bool fits(const Operation& operation, int status) {
  const bool change = operation.is_change;
  switch (status) {
    case 401: return operation.admits != Admits::anyone || operation.name == "session.create";
    case 403: return operation.admits != Admits::anyone;
    case 404: return has_path_parameters(operation);
    case 409: return change;
    case 412: return operation.method == "PATCH";
    case 413:
    case 415: return has_body(operation);
    case 422: return takes_idempotency_key(operation);
    case 507: return change;
    default: return true;
  }
}

class Document {
 public:
  Document(std::span<const Operation> operations, const domain::Kinds& kinds,
           std::string_view version)
      : operations_(operations), kinds_(kinds), version_(version) {}

  std::string write();

 private:
  void write_paths();
  void write_operation(const Operation& operation);
  void write_parameters(const Operation& operation);
  void write_header_parameter(std::string_view name, std::string_view description);
  void write_body(const Operation& operation);
  void write_example(const Operation& operation);
  void write_responses(const Operation& operation);
  void write_success(const Operation& operation);
  void write_security(const Operation& operation);
  void write_access(const Operation& operation);
  void write_tags();
  void write_components();

  std::span<const Operation> operations_;
  const domain::Kinds& kinds_;
  std::string_view version_;
  SchemaSet schemas_;
  std::string out_;
  Writer writer_{out_};
};

std::string Document::write() {
  for (const Operation& operation : operations_) {
    if (has_body(operation)) schemas_.use(*operation.input, Form::request);
    for (const Field& field : operation.input->fields) {
      if (field.place != Place::body) schemas_.use(field.type(), Form::request);
    }
    if (!answers_nothing(operation)) schemas_.use(*operation.output, Form::response);
  }
  schemas_.use(json::type_of<Problem>(), Form::response);
  writer_.begin_object().key("openapi").string("3.1.0");
  writer_.key("info").begin_object().key("title").string("Keywright");
  writer_.key("version").string(version_).key("description").string(kAbout);
  writer_.key("license").begin_object().key("name").string("Apache-2.0");
  writer_.key("identifier").string("Apache-2.0").end_object().end_object();
  writer_.key("servers").begin_array().begin_object().key("url").string("/");
  writer_.end_object().end_array();
  write_tags();
  write_paths();
  write_components();
  writer_.end_object();
  return std::move(out_);
}

void Document::write_tags() {
  std::vector<std::string_view> tags;
  for (const Operation& operation : operations_) {
    if (std::find(tags.begin(), tags.end(), operation.tag) == tags.end()) {
      tags.push_back(operation.tag);
    }
  }
  writer_.key("tags").begin_array();
  for (std::string_view tag : tags) writer_.begin_object().key("name").string(tag).end_object();
  writer_.end_array();
}

void Document::write_paths() {
  std::vector<std::string_view> paths;
  for (const Operation& operation : operations_) {
    if (std::find(paths.begin(), paths.end(), operation.path) == paths.end()) {
      paths.push_back(operation.path);
    }
  }
  writer_.key("paths").begin_object();
  for (std::string_view path : paths) {
    writer_.key(fmt::format("{}{}", kPathPrefix, path)).begin_object();
    for (const Operation& operation : operations_) {
      if (operation.path != path) continue;
      writer_.key(to_ascii_lower(operation.method));
      write_operation(operation);
    }
    writer_.end_object();
  }
  writer_.end_object();
}

void Document::write_operation(const Operation& operation) {
  writer_.begin_object().key("operationId").string(operation_id(operation.name));
  writer_.key("summary").string(operation.summary);
  if (!operation.description.empty()) writer_.key("description").string(operation.description);
  writer_.key("tags").begin_array().string(operation.tag).end_array();
  write_security(operation);
  write_parameters(operation);
  if (has_body(operation)) write_body(operation);
  write_responses(operation);
  write_access(operation);
  writer_.end_object();
}

void Document::write_parameters(const Operation& operation) {
  writer_.key("parameters").begin_array();
  for (const Field& field : operation.input->fields) {
    if (field.place == Place::body) continue;
    writer_.begin_object().key("name").string(field.name);
    writer_.key("in").string(field.place == Place::path ? "path" : "query");
    if (field.required) writer_.key("required").boolean(true);
    if (!field.doc.empty()) writer_.key("description").string(field.doc);
    if (field.deprecated) writer_.key("deprecated").boolean(true);
    writer_.key("schema");
    schemas_.write_field(field, Form::request, writer_, false);
    writer_.end_object();
  }
  if (takes_idempotency_key(operation)) {
    write_header_parameter("Idempotency-Key",
                           "1 to 255 visible characters of your choice. Repeating the request "
                           "with it within 24 hours repeats the answer, without any secret.");
  }
  if (operation.method == "PATCH") {
    write_header_parameter("If-Match", "The ETag that was read: change only that state.");
  }
  writer_.end_array();
}

void Document::write_header_parameter(std::string_view name, std::string_view description) {
  writer_.begin_object().key("name").string(name).key("in").string("header");
  writer_.key("description").string(description).key("schema").begin_object();
  writer_.key("type").string("string").end_object().end_object();
}

void Document::write_body(const Operation& operation) {
  const auto& fields = operation.input->fields;
  const bool required = std::any_of(fields.begin(), fields.end(), [](const Field& field) {
    return field.required && field.is_in(Form::request, false);
  });
  writer_.key("requestBody").begin_object();
  if (required) writer_.key("required").boolean(true);
  writer_.key("content").begin_object().key("application/json").begin_object().key("schema");
  schemas_.write_reference(*operation.input, Form::request, writer_);
  write_example(operation);
  writer_.end_object().end_object().end_object();
}

// Of the fields that have examples; none unless every required field does.
void Document::write_example(const Operation& operation) {
  std::vector<const Field*> shown;
  for (const Field& field : operation.input->fields) {
    if (!field.is_in(Form::request, false)) continue;
    if (!field.example.empty()) {
      shown.push_back(&field);
    } else if (field.required) {
      return;
    }
  }
  if (shown.empty()) return;
  writer_.key("example").begin_object();
  for (const Field* field : shown) {
    writer_.key(field->name);
    const json::Type* type = &field->type();
    while (type->optional != nullptr) type = &type->element();
    const bool is_text = type->shape == json::Shape::string || type->shape == json::Shape::secret ||
                         type->shape == json::Shape::text ||
                         type->shape == json::Shape::enumeration;
    const auto raw = json::Raw::parse(field->example);
    if (is_text || !raw) {
      writer_.string(field->example);
    } else {
      writer_.raw(raw->view());
    }
  }
  writer_.end_object();
}

void Document::write_responses(const Operation& operation) {
  writer_.key("responses").begin_object();
  write_success(operation);
  for (const ErrorResponse& error : kErrors) {
    if (!fits(operation, error.status)) continue;
    writer_.key(fmt::format("{}", error.status)).begin_object().key("$ref");
    writer_.string(fmt::format("#/components/responses/{}", error.name)).end_object();
  }
  writer_.end_object();
}

void Document::write_success(const Operation& operation) {
  const bool nothing = answers_nothing(operation);
  const int status = nothing && operation.status == 200 ? 204 : operation.status;
  writer_.key(fmt::format("{}", status)).begin_object().key("description");
  if (nothing) {
    writer_.string("Done.").end_object();
    return;
  }
  writer_.string(status == 201 ? "Made." : "The answer.");
  if (status == 201) {
    writer_.key("headers").begin_object().key("Location").begin_object().key("description");
    writer_.string("Where it is.").key("schema").begin_object().key("type").string("string");
    writer_.end_object().end_object().end_object();
  }
  writer_.key("content").begin_object().key("application/json").begin_object().key("schema");
  schemas_.write_reference(*operation.output, Form::response, writer_);
  writer_.end_object().end_object().end_object();
}

void Document::write_security(const Operation& operation) {
  const bool keys_only =
      operation.admits == Admits::any_key || operation.admits == Admits::giving_up;
  bool bearer = !keys_only && operation.admits != Admits::anyone;
  bool api_key = false;
  for (const domain::Kind& kind : kinds_.all()) {
    if (operation.admits == Admits::anyone || !admits_kind(operation, kind)) continue;
    bearer = bearer || kind.carriers.contains(domain::Carrier::bearer);
    api_key = api_key || kind.carriers.contains(domain::Carrier::x_api_key);
  }
  const bool session = operation.admits != Admits::anyone && !keys_only;
  writer_.key("security").begin_array();
  const auto allow = [&](std::string_view scheme, bool allowed) {
    if (!allowed) return;
    writer_.begin_object().key(scheme).begin_array().end_array().end_object();
  };
  allow("bearer", bearer);
  allow("api_key", api_key);
  allow("session", session);
  writer_.end_array();
}

void Document::write_access(const Operation& operation) {
  writer_.key("x-keywright").begin_object().key("operation").string(operation.name);
  writer_.key("admits");
  switch (operation.admits) {
    case Admits::anyone: writer_.string("anyone"); break;
    case Admits::people: writer_.string("people"); break;
    case Admits::callers: writer_.string("callers"); break;
    case Admits::key_managers: writer_.string("key_managers"); break;
    case Admits::any_key:
    case Admits::giving_up: writer_.string("any_key"); break;
    case Admits::me: writer_.string("me"); break;
  }
  writer_.key("right");
  if (operation.right == domain::Right::none) {
    writer_.null();
  } else {
    writer_.string(domain::name_of(operation.right));
  }
  writer_.key("permission");
  if (operation.permission.empty()) {
    writer_.null();
  } else {
    writer_.string(operation.permission);
  }
  writer_.key("changes").boolean(operation.is_change);
  writer_.key("destructive").boolean(operation.destructive).end_object();
}

void Document::write_components() {
  writer_.key("components").begin_object().key("schemas");
  schemas_.write_components(writer_);
  writer_.key("responses").begin_object();
  for (const ErrorResponse& error : kErrors) {
    writer_.key(error.name).begin_object().key("description").string(error.description);
    writer_.key("content").begin_object().key("application/problem+json").begin_object();
    writer_.key("schema");
    schemas_.write_reference(json::type_of<Problem>(), Form::response, writer_);
    writer_.end_object().end_object().end_object();
  }
  writer_.end_object().key("securitySchemes").begin_object();
  for (const Scheme& scheme : kSchemes) writer_.key(scheme.name).raw(scheme.definition);
  writer_.end_object().end_object();
}

}  // namespace

std::string write_openapi(std::span<const Operation> operations, const domain::Kinds& kinds,
                          std::string_view version) {
  return Document(operations, kinds, version).write();
}

}  // namespace keywright::rest
