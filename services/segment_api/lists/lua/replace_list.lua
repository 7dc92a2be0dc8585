-- Replaces what is known of one list, unless somebody else did since it was read.
-- KEYS: lists. ARGV: list id, document that was read (empty: none), next document, the most lists that there may be.
-- Returns 1 when replaced, 0 when somebody else did, -1 when it is a new list and there are too many.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
if ARGV[2] == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
  return -1
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
