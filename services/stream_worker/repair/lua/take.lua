-- Takes a partition out of its worker's hands: another watermark and another turn, by both of which every write of a
-- worker is refused that was worked out before.
--
-- KEYS: watermark, turn, refreshed.
-- ARGV: the watermark and the turn as they were read; the watermark and the turn from now on.
-- Returns 1 when it wrote, else 0: something else was written meanwhile.
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[4])
if ARGV[2] == '' then
  redis.call('DEL', KEYS[3]) -- what was written before there were turns is not counted: the pass has to come by again
end
return 1
