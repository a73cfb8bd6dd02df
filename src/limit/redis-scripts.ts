// Counting in Redis: one script a decision, on one key, by Redis's own clock, so that nodes with different clocks agree.
// Each is the counterpart of a function in counting.ts, with times in microseconds. Arguments: cost, quota, window, burst,
// forced (1 or 0). Replies: allowed, remaining, microseconds until reset, microseconds until a retry.
import { hash } from "node:crypto";

/** A script and the name Redis keeps it by. */
export interface LimitScript {
  readonly text: string;
  readonly sha1: string;
}

const START = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, quota, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local forced = ARGV[5] == '1'
local needed = math.max(cost, 1)
local function keep(value, forUs)
  redis.call('SET', KEYS[1], value, 'PX', math.ceil(forUs / 1000) + 1)
end
local function answer(allowed, remaining, reset, retry)
  return {allowed and 1 or 0, math.floor(remaining), math.ceil(reset), math.ceil(retry)}
end`;

/** A refusal writes nothing: an attack costs a read. */
export const GCRA = script(`${START}
local interval = window / quota
local burst = interval * math.min(tonumber(ARGV[4]), quota)
local before = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local after = before + interval * cost
if not forced and before + interval * needed - now > burst + 1 then
  return answer(false, (burst - (before - now)) / interval + 0.000001, before - now, before + interval * needed - burst - now)
end
if cost ~= 0 then keep(string.format('%.3f', after), math.max(after - now, 0)) end
return answer(true, (burst - (after - now)) / interval + 0.000001, math.max(0, after - now), 0)`);

/** A window begins with its first request; Redis itself ends it. Needs no clock and writes one number. */
const WINDOW = `
local cost, quota, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
local function rest()
  local left = redis.call('PTTL', KEYS[1])
  return left < 0 and window or left * 1000
end
local function add(units)
  count = redis.call('INCRBY', KEYS[1], string.format('%.0f', units))
  if count == units then redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000)) end
end`;

export const FIXED_WINDOW = script(`${WINDOW}
if ARGV[5] ~= '1' and count + math.max(cost, 1) > quota then
  local left = rest()
  return {0, quota - count, left, left}
end
cost = math.max(cost, -count)
if cost ~= 0 then add(cost) end
return {1, quota - count, rest(), 0}`);

export const SLIDING_WINDOW = script(`${START}
local current = math.floor(now / window)
local kept = redis.call('GET', KEYS[1])
local count, previous = 0, 0
if kept then
  local at, units, before = string.match(kept, '^(%d+) (%d+) (%d+)')
  if tonumber(at) == current then count, previous = tonumber(units), tonumber(before)
  elseif tonumber(at) == current - 1 then previous = tonumber(units) end
end
local elapsed = now - current * window
local rest = window - elapsed
local used = previous * rest / window + count
if not forced and used + needed > quota + 0.000001 then
  local allowed = quota - needed
  local retry = rest + window
  if allowed >= 0 then
    local inThis = math.huge
    if previous > 0 and count <= allowed then inThis = rest - (allowed - count) * window / previous end
    if inThis <= rest then retry = inThis
    elseif count <= allowed then retry = rest
    else retry = rest + window - allowed * window / count end
  end
  return answer(false, quota - used, count > 0 and 2 * window - elapsed or rest, retry)
end
count = math.max(0, count + cost)
if cost ~= 0 then keep(string.format('%.0f %.0f %.0f', current, count, previous), window + rest) end
return answer(true, quota - used - cost + 0.000001, count > 0 and 2 * window - elapsed or rest, 0)`);

/** A sorted set of what was taken, by time; what is given back takes the newest. */
export const SLIDING_LOG = script(`${START}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
if not forced and used + needed > quota then
  local oldest = redis.call('ZRANGE', KEYS[1], used + needed - quota - 1, used + needed - quota - 1, 'WITHSCORES')
  local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
  return answer(false, quota - used, (tonumber(newest[2]) or now) + window - now, (tonumber(oldest[2]) or now) + window - now)
end
if cost < 0 then redis.call('ZPOPMAX', KEYS[1], -cost) end
for unit = 1, cost do redis.call('ZADD', KEYS[1], now, string.format('%.0f.%d.%d', now, used, unit)) end
if cost > 0 then redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1) end
return answer(true, quota - used - cost, cost > 0 and window or 0, 0)`);

/**
 * Takes up to `ARGV[1]` units of this window's quota for a node to spend by itself. Arguments as above; the reply
 * says how many it got and how long they hold.
 */
export const LEASE = script(`${WINDOW}
local granted = math.max(0, math.min(cost, quota - count))
if granted > 0 then add(granted) end
return {granted, math.max(0, quota - count), rest(), 0}`);

function script(text: string): LimitScript {
  return { text, sha1: hash("sha1", text) };
}
