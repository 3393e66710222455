// Untrusted MCP messages and event streams: reading them never crashes; a message that is read has
// the id and the method that the strict reader sees; an event stream is the same however it is cut,
// and its raw parts are together what was fed.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "json/lenient.h"
#include "mcp/answer.h"
#include "mcp/answer_scan.h"
#include "mcp/headers.h"
#include "mcp/message.h"
#include "mcp/sse.h"
#include "mcp/tool_rules.h"

namespace keywright::mcp {
namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void read_message(std::string_view text) {
  const auto message = Message::read(text);
  const auto document = json::Document::parse(text);
  expect(!message || document.has_value(), "a message that is no JSON");
  if (!message) {
    expect(json::Document::parse(error_answer(message.error())).has_value(), "not JSON: an error");
    return;
  }
  const auto method = document->root().find("method");
  expect(message->method() == (method ? method->as_string().value_or("") : ""), "another method");
  expect(json::Document::parse(result_answer(message->id(), "{}")).has_value(), "not JSON: an id");
  RequestHeaders headers;
  headers.protocol_version = kModernVersion;
  headers.method = message->method();
  const auto era = agree(headers, *message);
  if (era && message->is_request()) expect(message->name().empty(), "a name nobody mirrored");
}

void filter(std::string_view text) {
  const ToolRules none{std::vector<std::string>{}};
  const auto filtered = none.filter_list(text);
  if (!filtered) return;
  const auto document = json::parse_leniently(*filtered);
  expect(document.has_value(), "a filtered list is no JSON");
  expect(*filtered == text || json::Document::parse(*filtered).has_value(), "nor is a new one");
  const auto result = document->root().find("result");
  const auto tools = result ? result->find("tools") : std::nullopt;
  expect(!tools || tools->size() == 0, "a hidden tool is listed");
  expect(!tools || may_hold_tools(text), "a list that would not have been looked at");
}

void scan(std::string_view text) {
  AnswerScan whole;
  whole.feed(text);
  AnswerScan bytewise;
  for (std::size_t at = 0; at < text.size(); ++at) bytewise.feed(text.substr(at, 1));
  expect(whole.verdict() == bytewise.verdict(), "the verdict depends on the cuts");
}

std::string read_stream(std::string_view stream, std::size_t step, std::string& raw) {
  SseReader reader;
  std::string seen;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    reader.feed(stream.substr(at, step));
    while (auto event = reader.next()) {
      raw += event->raw;
      if (event->has_data) seen.append(event->type).append("|").append(event->data).append("\n\n");
    }
  }
  raw += reader.rest();
  return seen;
}

void read_events(std::string_view stream) {
  std::string whole;
  std::string cut;
  const std::string at_once = read_stream(stream, stream.size() + 1, whole);
  const std::string bytewise = read_stream(stream, 1, cut);
  expect(at_once == bytewise, "the events depend on the cuts");
  expect(whole == stream && cut == stream, "bytes were lost");
}

}  // namespace
}  // namespace keywright::mcp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  keywright::mcp::read_message(text);
  keywright::mcp::filter(text);
  keywright::mcp::scan(text);
  keywright::mcp::read_events(text);
  return 0;
}
