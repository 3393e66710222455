-- bench/load.lua - what wrk sends, and how it reports.
--
--   wrk ... -s bench/load.lua URL -- verify TOKENS.txt CREDENTIAL SEED
--   wrk ... -s bench/load.lua URL -- batch  TOKENS.txt CREDENTIAL SEED
--   wrk ... -s bench/load.lua URL -- create KEYSPACE_ID CREDENTIAL SEED
--   wrk ... -s bench/load.lua URL -- get    TOKENS.txt PATH SEED
--   wrk ... -s bench/load.lua URL -- graphql TOKENS.txt "" SEED
--   wrk ... -s bench/load.lua URL -- mcp     TOKENS.txt PATH SEED
--
-- verify: one random token of the file in each request. batch: 1000 of them; the bodies are made
-- before the clock starts. create: a new customer key in each request. graphql: {viewer{id email}}
-- with one random key of the file. mcp: one tools/call with one of the keys; mcp-paced: the same,
-- about 60 times a second on each connection.
-- One line of JSON on standard output tells what happened.

local random = math.random
local batch_items, batch_bodies = 1000, 64

local function head_of(path, credential)
  return "POST /api/v1" .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " ..
    credential .. "\r\nContent-Type: application/json\r\nContent-Length: "
end

local function read_lines(path)
  local lines, count = {}, 0
  for line in io.lines(path) do
    count = count + 1
    lines[count] = line
  end
  return lines, count
end

local makers = {}

function makers.verify(path, credential)
  local tokens, count = read_lines(path)
  local head = head_of("/keys/verify", credential)
  return function()
    local token = tokens[random(count)]
    return head .. #token + 10 .. "\r\n\r\n{\"key\":\"" .. token .. "\"}"
  end
end

function makers.batch(path, credential)
  local tokens, count = read_lines(path)
  local head = head_of("/keys/verify-batch", credential)
  local requests = {}
  for i = 1, batch_bodies do
    local items = {}
    for j = 1, batch_items do items[j] = "{\"key\":\"" .. tokens[random(count)] .. "\"}" end
    local body = "{\"items\":[" .. table.concat(items, ",") .. "]}"
    requests[i] = head .. #body .. "\r\n\r\n" .. body
  end
  return function() return requests[random(batch_bodies)] end
end

function makers.get(tokens_path, path)
  local tokens, count = read_lines(tokens_path)
  local head = "GET " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
  return function() return head .. tokens[random(count)] .. "\r\n\r\n" end
end

function makers.create(keyspace, credential)
  local head = head_of("/keys", credential)
  local number = 0
  return function()
    number = number + 1
    local body = string.format("{\"kind\":\"customer\",\"name\":\"Created key %08d\"," ..
      "\"keyspace_id\":\"%s\",\"owner\":{\"type\":\"external\",\"id\":\"customer-%06d\"}," ..
      "\"permissions\":[\"product.read\"]}", number, keyspace, number)
    return head .. #body .. "\r\n\r\n" .. body
  end
end

function makers.graphql(path)
  local tokens, count = read_lines(path)
  local body = "{\"query\":\"{viewer{id email}}\"}"
  local tail = "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  return function()
    return "POST /api/console/v1/graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " ..
      tokens[random(count)] .. tail
  end
end

function makers.mcp(tokens_path, path)
  local tokens, count = read_lines(tokens_path)
  local body = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":" ..
    "{\"name\":\"search\",\"arguments\":{\"query\":\"bench\"}}}"
  local head = "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
  local tail = "\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2025-11-25\r\n" ..
    "Accept: application/json, text/event-stream\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  return function() return head .. tokens[random(count)] .. tail end
end
makers["mcp-paced"] = makers.mcp

function init(arguments)
  math.randomseed(tonumber(arguments[4]))
  if arguments[1] == "mcp-paced" then
    function delay() return 8 + random(16) end
  end
  request = makers[arguments[1]](arguments[2], arguments[3])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "{\"requests\":%d,\"bytes\":%d,\"duration_us\":%d,\"not_2xx\":%d,\"socket_errors\":%d," ..
    "\"p50_us\":%d,\"p99_us\":%d}\n",
    summary.requests, summary.bytes, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
