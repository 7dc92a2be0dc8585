-- Forgets some keys of a partition as long as the repair that asks for it is the one under way.
--
-- KEYS: watermark; then what is to be forgotten.
-- ARGV: the mark of the repair.
-- Returns 1 when it did, else 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for at = 2, #KEYS do
  redis.call('UNLINK', KEYS[at])
end
return 1
