-- bench/traces.lua - traces in each request, no two alike.
--
--   wrk ... -s bench/traces.lua URL -- one KEY PLATFORM_ID     a native trace of about 1 KB
--   wrk ... -s bench/traces.lua URL -- batch KEY     OTLP: 100 spans of about 1 KB, one trace
--   wrk ... -s bench/traces.lua URL -- protobuf KEY  the same spans in protobuf
--   wrk ... -s bench/traces.lua URL -- many KEY      OTLP: 100 traces of one small span
--
-- One line of JSON on standard output tells what happened; "status" counts answers
-- that are not 2xx or 3xx.

local SPANS = 100
local mode, head, filler, count
local pieces  -- of a batch; its trace id stands between each two

local function words(bytes)
  local list = {}
  for i = 1, bytes / 6 do list[i] = string.format("w%x", math.random(1, 0xffffff)) end
  return table.concat(list, " "):sub(1, bytes)
end

local function after_trace_id(id, text)
  return "\",\"spanId\":\"" .. id .. "\",\"name\":\"work\",\"kind\":1," ..
    "\"startTimeUnixNano\":\"1700000000000000000\",\"endTimeUnixNano\":\"1700000001000000000\"," ..
    "\"attributes\":[{\"key\":\"gen_ai.response.text\",\"value\":{\"stringValue\":\"" ..
    text .. "\"}}]}"
end

local BEGIN = "{\"resourceSpans\":[{\"resource\":{\"attributes\":[]},\"scopeSpans\":[{\"spans\":["
local SPAN = "{\"traceId\":\""
local END = "]}]}]}"

local function json_pieces()
  local list = { BEGIN .. SPAN }
  for i = 1, SPANS do
    list[i + 1] = after_trace_id(string.format("%016x", i), filler[i]) ..
      (i < SPANS and "," .. SPAN or END)
  end
  return list
end

local function field(number, bytes)
  local size, varint = #bytes, ""
  while size >= 128 do
    varint = varint .. string.char(size % 128 + 128)
    size = math.floor(size / 128)
  end
  return string.char(number * 8 + 2) .. varint .. string.char(size) .. bytes
end

local TRACE_BYTES = 16

local function protobuf_pieces()
  local list, time = {}, "\0\0\042\054\254\156\151\023"
  for i = 1, SPANS do
    local value = field(1, filler[i])
    local span = field(1, string.rep("t", TRACE_BYTES)) ..
      field(2, string.rep("\0", 7) .. string.char(i)) .. field(5, "work") .. "\048\001" ..
      "\057" .. time .. "\065" .. time ..
      field(9, field(1, "gen_ai.response.text") .. field(2, value))
    list[i] = field(2, span)
  end
  local body = field(1, field(2, table.concat(list)))
  local trace, parts, from = string.rep("t", TRACE_BYTES), {}, 1
  while true do
    local at, to = body:find(trace, from, true)
    parts[#parts + 1] = body:sub(from, at and at - 1)
    if not at then return parts end
    from = to + 1
  end
end

function init(arguments)
  mode = arguments[1]
  math.randomseed(os.time())
  local path = mode == "one" and "/public/traces" or "/v1/traces"
  local kind = mode == "protobuf" and "x-protobuf" or "json"
  head = "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: " .. arguments[2] ..
    "\r\nContent-Type: application/" .. kind .. "\r\nContent-Length: "
  count = math.random(1, 0x7fffff) * 0x10000
  if mode == "one" then
    filler = "\",\"output\":\"" .. words(900) .. "\"},\"platformId\":\"" .. arguments[3] .. "\"}"
    return
  end
  filler = {}
  for i = 1, SPANS do filler[i] = words(mode == "many" and 20 or 750) end
  if mode == "batch" then pieces = json_pieces() end
  if mode == "protobuf" then pieces = protobuf_pieces() end
end

local function many()
  local spans = {}
  for i = 1, SPANS do
    spans[i] = SPAN .. string.format("%024x%08x", count, i) ..
      after_trace_id(string.format("%016x", i), filler[i])
  end
  return BEGIN .. table.concat(spans, ",") .. END
end

local function body()
  if mode == "one" then return "{\"data\":{\"input\":\"" .. count .. filler end
  if mode == "many" then return many() end
  -- Hex digits serve as the 16 bytes of protobuf, too.
  return table.concat(pieces, string.format(mode == "batch" and "%032x" or "%016x", count))
end

function request()
  count = count + 1
  local text = body()
  return head .. #text .. "\r\n\r\n" .. text
end

function done(summary, latency)
  io.write(string.format(
    "{\"requests\":%d,\"microseconds\":%d,\"status\":%d,\"socket\":%d,\"p50\":%d,\"p99\":%d}\n",
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
