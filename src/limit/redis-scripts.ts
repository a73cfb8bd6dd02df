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
export const GCRA = script(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, quota = tonumber(ARGV[1]), tonumber(ARGV[2])
local interval = ARGV[3] / quota
local burst = interval * math.min(ARGV[4], quota)
local before = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local tight = before + interval * math.max(cost, 1) - burst - now
if tight > 1 and ARGV[5] ~= '1' then
  return {0, math.floor((burst - (before - now)) / interval + 0.000001), math.ceil(before - now), math.ceil(tight)}
end
local after = before + interval * cost
local rest = math.max(after - now, 0)
if cost ~= 0 then redis.call('SET', KEYS[1], after, 'PX', math.ceil(rest / 1000) + 1) end
return {1, math.floor((burst - (after - now)) / interval + 0.000001), math.ceil(rest), 0}`);

/** A window begins with its first request; Redis itself ends it. Needs no clock, and two calls where a request is allowed. */
export const FIXED_WINDOW = script(`
local cost, quota = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count == cost then
  if count > 0 and (count <= quota or ARGV[5] == '1') then
    redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[3] / 1000))
    return {1, quota - count, tonumber(ARGV[3]), 0}
  end
  redis.call('DEL', KEYS[1])
  if cost <= 0 and quota > 0 then return {1, quota, tonumber(ARGV[3]), 0} end
  return {0, quota, tonumber(ARGV[3]), tonumber(ARGV[3])}
end
local left = math.max(redis.call('PTTL', KEYS[1]), 1) * 1000
if ARGV[5] == '1' or (count <= quota and (cost > 0 or count < quota)) then
  if count >= 0 then return {1, quota - count, left, 0} end
  redis.call('INCRBY', KEYS[1], -count)
  return {1, quota, left, 0}
end
redis.call('DECRBY', KEYS[1], ARGV[1])
return {0, quota - count + cost, left, left}`);

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
export const LEASE = script(`
local cost, quota = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
local granted = math.max(0, math.min(cost, quota - count))
if granted > 0 then
  count = redis.call('INCRBY', KEYS[1], string.format('%.0f', granted))
  if count == granted then redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[3] / 1000)) end
end
local left = redis.call('PTTL', KEYS[1])
return {granted, math.max(0, quota - count), left < 0 and tonumber(ARGV[3]) or left * 1000, 0}`);

function script(text: string): LimitScript {
  return { text, sha1: hash("sha1", text) };
}
