-- Writes what a batch of records made of some users and of the sizes of segments, and moves the partition's watermark
-- past the batch: all of it, or nothing when the watermark is not where the batch begins, or when the last write to
-- the partition is another than the caller knows of.
--
-- KEYS: watermark, turn, index of users, spaces, sizes, refreshed, refreshing; then a profile and a membership for
--       each user; then for each stretch of time its sizes and its moments; then, only where changes are told: what was
--       told of users, when time has something to tell of them, how telling stands, the outbox.
-- ARGV: where the batch begins, where it ends; the turn before and after; the counts, as below; the version that all
--       memberships have reached and how far those are that have not, each empty where nothing is to be said; then
--       member, latest event, profile and membership for each user; an empty one leaves what is stored as it is.
-- Counts are MessagePack: new spaces; changes of the sizes; then for each stretch whether to forget its sizes, whether
--       to forget its moments, changes of its sizes, and records to add to its moments, maybe none. Where changes are
--       told, these follow: the offset at which telling begins anew, or nothing; member, what is told of it and when
--       time tells more, maybe never, for each user; the number of new changes and these, for the outbox; the number of
--       changes that need not wait there any more, and the entries that held them; whether consent is required, and how
--       far the changes log is taken account of, or nothing where either is as before.
-- Returns 1 when it wrote, else 0.
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[4])
if ARGV[3] == '' then
  redis.call('DEL', KEYS[6]) -- what was written before there were turns is not counted: the pass has to come by again
end

local key = 8
for at = 8, #ARGV, 4 do
  if ARGV[at + 2] ~= '' then
    redis.call('SET', KEYS[key], ARGV[at + 2])
  end
  if ARGV[at + 3] ~= '' then
    redis.call('SET', KEYS[key + 1], ARGV[at + 3])
  end
  redis.call('ZADD', KEYS[3], ARGV[at + 1], ARGV[at])
  key = key + 2
end

local function add(name, changes)
  for at = 1, #changes, 2 do
    if redis.call('HINCRBY', name, changes[at], changes[at + 1]) == 0 then
      redis.call('HDEL', name, changes[at])
    end
  end
end

local spaces, over, stretches, telling = unpack(cmsgpack.unpack(ARGV[5]))
for _, space in ipairs(spaces) do
  redis.call('RPUSH', KEYS[4], space)
end
add(KEYS[5], over)
for _, stretch in ipairs(stretches) do
  local forget_sizes, forget_moments, sizes, moments = unpack(stretch)
  if forget_sizes then
    redis.call('DEL', KEYS[key])
  end
  if forget_moments then
    redis.call('DEL', KEYS[key + 1])
  end
  add(KEYS[key], sizes)
  if moments ~= '' then
    redis.call('RPUSH', KEYS[key + 1], moments)
  end
  key = key + 2
end

if telling then
  local told, due, state, outbox = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  local begins, users, added, published, consent, heard = unpack(telling)
  if begins ~= '' then
    redis.call('UNLINK', told, due)
    redis.call('HSET', state, 'begun', begins)
    redis.call('DEL', KEYS[6]) -- the pass has to come by every user, and tell
  end
  if consent ~= '' then
    redis.call('HSET', state, 'consent', consent)
    redis.call('DEL', KEYS[6]) -- the pass has to come by every user, and tell
  end
  if heard ~= '' then
    redis.call('HSET', state, 'heard', heard)
  end
  for at = 1, #users, 3 do
    redis.call('HSET', told, users[at], users[at + 1])
    if users[at + 2] == '' then
      redis.call('ZREM', due, users[at])
    else
      redis.call('ZADD', due, users[at + 2], users[at])
    end
  end
  if added[1] > 0 then
    redis.call('XADD', outbox, '*', 'number', added[1], 'changes', added[2])
  end
  for _, entry in ipairs(published[2]) do
    redis.call('XDEL', outbox, entry)
  end
  if added[1] ~= published[1] then
    redis.call('HINCRBY', state, 'waiting', added[1] - published[1])
  end
end

if ARGV[6] ~= '' then
  redis.call('SET', KEYS[6], ARGV[6])
  redis.call('DEL', KEYS[7])
end
if ARGV[7] ~= '' then
  redis.call('SET', KEYS[7], ARGV[7])
end
return 1
