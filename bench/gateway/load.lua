-- Posts a body of SIZE bytes, half of the requests with the routing header, and checks every answer: its
-- status, its body, and which upstream it came from.
local size = tonumber(os.getenv("SIZE"))
local body = string.rep("0123456789abcdef", math.ceil(size / 16)):sub(1, size)
local method = size > 0 and "POST" or "GET"
local asks = {
  { header = os.getenv("TARGET"), who = "one" },
  { header = "something else", who = "two" },
}
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  wrong = 0
  answered = 0
  turn = 0
  requests = {}
  for i, ask in ipairs(asks) do
    requests[i] = wrk.format(method, "/predict/" .. ask.who, { target = ask.header, ["content-type"] = "image/jpeg" },
      size > 0 and body or nil)
  end
end

function request()
  turn = turn % 2 + 1
  return requests[turn]
end

function response(status, headers, got)
  answered = answered + 1
  -- The path says whom the header asked for, and comes back with the answer.
  local who = headers["X-Who"] or headers["x-who"]
  local path = headers["X-Path"] or headers["x-path"]
  if status ~= 200 or got ~= body or who == nil or path ~= "/predict/" .. who then
    wrong = wrong + 1
  end
end

function done(summary, latency)
  local wrong, answered = 0, 0
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
    answered = answered + thread:get("answered")
  end
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"us":%d,"wrong":%d,"errors":%d,"p50":%d,"p99":%d,"p999":%d}\n', answered,
    summary.duration, wrong, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
