// What Redis does in one step. Every script touches one slot only.
//
// Purges are numbered. A number is above all before it even if Redis forgot them (restart, eviction), because it is at
// least Redis's own clock in microseconds. Every node knows the last number it has heard of; a reply is written together with the
// number its node had heard of when the reply was asked for, and a key or tag purged under a higher number since refuses it.
// So a reply fetched before a purge is never stored after it, on no node, whatever the clocks say.
import { hash } from "node:crypto";
import { RECEIVED_AT_OFFSET } from "../record/record.ts";
import { MAX_REPLIES_PER_KEY } from "../replies.ts";

/** A script and the name Redis keeps it by. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

/** How long a purge is remembered; replies that took longer to fetch are not written. */
export const PURGE_MEMORY_MS = 300_000;

/** How long it is remembered that a lock was given back. */
const RELEASE_MEMORY_MS = 10_000;

const NEXT_NUMBER = `
local function nextNumber(key)
  local time = redis.call('TIME')
  local number = math.max(tonumber(redis.call('GET', key) or 0) + 1, time[1] * 1000000 + time[2])
  redis.call('SET', key, string.format('%.0f', number))
  return number
end`;

/**
 * Writes one variant.
 *
 * KEYS: hash, purge number of the key, then for each tag its purge number, then for each tag its set.
 * ARGV: field, record, milliseconds to keep, number heard of, channel, message when a variant was replaced.
 * Answers 1, or 0 when it was purged.
 */
export const PUT = script(`
local tags = (#KEYS - 2) / 2
local heard = tonumber(ARGV[4])
for _, number in ipairs(redis.call('MGET', unpack(KEYS, 2, 2 + tags))) do
  if number and tonumber(number) > heard then return 0 end
end
local keep = tonumber(ARGV[3])
local replaced = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) == 0
if redis.call('PTTL', KEYS[1]) < keep then redis.call('PEXPIRE', KEYS[1], keep) end
if redis.call('HLEN', KEYS[1]) > ${MAX_REPLIES_PER_KEY} then
  local oldest, oldestAt
  local fields = redis.call('HGETALL', KEYS[1])
  for at = 1, #fields, 2 do
    local receivedAt = #fields[at + 1] > ${RECEIVED_AT_OFFSET + 8} and struct.unpack('>d', fields[at + 1], ${RECEIVED_AT_OFFSET + 1}) or 0
    if not oldestAt or receivedAt < oldestAt then oldest, oldestAt = fields[at], receivedAt end
  end
  redis.call('HDEL', KEYS[1], oldest)
end
if tags > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for at = 3 + tags, 2 + 2 * tags do
    redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', now)
    local expires = math.max(tonumber(redis.call('ZSCORE', KEYS[at], KEYS[1]) or 0), now + keep)
    redis.call('ZADD', KEYS[at], expires, KEYS[1])
    if redis.call('PTTL', KEYS[at]) < keep then redis.call('PEXPIRE', KEYS[at], keep) end
  end
end
if replaced then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1`);

/** Answers the next purge number as text. KEYS: purge number. */
export const NUMBER = script(`${NEXT_NUMBER}
return string.format('%.0f', nextNumber(KEYS[1]))`);

/**
 * Purges one key or the tags of one bucket.
 *
 * KEYS: purge number, how many of the following are hashes is in ARGV[1]: hashes, then tag sets; then the purge number of each of
 * these in the same order. ARGV: hashes, number or '' for the next one, milliseconds to remember it, channel, message or ''.
 * The message's first `0` is replaced with the number. Answers how many hashes went and the number.
 */
export const PURGE = script(`${NEXT_NUMBER}
local names = (#KEYS - 1) / 2
local hashes = tonumber(ARGV[1])
local number = ARGV[2]
if number == '' then number = string.format('%.0f', nextNumber(KEYS[1])) end
local removed = 0
for at = 2, 1 + names do
  if at <= 1 + hashes then
    removed = removed + redis.call('UNLINK', KEYS[at])
  else
    local members = redis.call('ZRANGE', KEYS[at], 0, -1)
    for from = 1, #members, 1000 do
      removed = removed + redis.call('UNLINK', unpack(members, from, math.min(from + 999, #members)))
    end
    redis.call('UNLINK', KEYS[at])
  end
  local stone = KEYS[at + names]
  if tonumber(redis.call('GET', stone) or 0) < tonumber(number) then
    redis.call('SET', stone, number, 'PX', ARGV[3])
  end
end
if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[4], (string.gsub(ARGV[5], '0', number, 1))) end
return {removed, number}`);

/**
 * Begins a new epoch, which puts everything stored out of reach.
 *
 * KEYS: purge number, epoch. ARGV: channel, message (as in PURGE), when (`always`; `missing`: only where there is no epoch yet; or the
 * epoch that there must still be), and a number that the new one is to be above. Answers the number of the last purge and the epoch, as
 * texts, and 1 when it was begun now.
 */
export const EPOCH = script(`${NEXT_NUMBER}
local epoch = redis.call('GET', KEYS[2])
if epoch and ARGV[3] ~= 'always' and ARGV[3] ~= epoch then
  return {redis.call('GET', KEYS[1]) or epoch, epoch, 0}
end
local number = string.format('%.0f', math.max(nextNumber(KEYS[1]), tonumber(ARGV[4]) + 1))
redis.call('SET', KEYS[1], number)
redis.call('SET', KEYS[2], number)
redis.call('PUBLISH', ARGV[1], (string.gsub(ARGV[2], '0', number, 1)))
return {number, number, 1}`);

const RUN = `
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')`;

/** Tells the run of the server, and whether it is the one that has had this bucket since the epoch began. KEYS: home. ARGV: epoch. */
export const HOME = script(`${RUN}
return {run, redis.call('GET', KEYS[1]) == run .. ' ' .. ARGV[1] and 1 or 0}`);

/** Notes who has the bucket from the beginning of an epoch on, if that is still the same. KEYS: home. ARGV: epoch, run. */
export const CLAIM = script(`${RUN}
if run ~= ARGV[2] then return 0 end
local epoch = string.match(redis.call('GET', KEYS[1]) or '', '^' .. run .. ' (%d+)$')
if not epoch or tonumber(epoch) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], run .. ' ' .. ARGV[1]) end
return 1`);

/**
 * Takes a lock.
 *
 * KEYS: lock, wait mark. ARGV: token, milliseconds, and how many milliseconds ago the caller found nothing stored. Answers 0 when
 * it is taken, -1 when another gave it back since then, or the milliseconds another still has it.
 */
export const ACQUIRE = script(`
local holder = redis.call('GET', KEYS[1])
if holder == '-' then
  if ${RELEASE_MEMORY_MS} - redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then return -1 end
elseif holder then
  local left = math.max(redis.call('PTTL', KEYS[1]), 1)
  redis.call('SET', KEYS[2], 1, 'PX', left)
  return left
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0`);

/** Gives a lock back and tells who waits. KEYS: lock, wait mark. ARGV: token, channel, message. */
export const RELEASE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '-', 'PX', ${RELEASE_MEMORY_MS})
if redis.call('DEL', KEYS[2]) == 1 then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1`);

/** Takes a lease, or keeps it. KEYS: lease. ARGV: token, milliseconds. Answers 1 when the caller has it. */
export const HOLD = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** Gives a lease up. KEYS: lease. ARGV: token. */
export const YIELD = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

function script(text: string): RedisScript {
  return { text, sha1: hash("sha1", text, "hex") };
}
