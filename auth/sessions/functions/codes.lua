-- Codes: each makes one session, whose name follows from the code, so that both keys are known beforehand.

local function put_code(keys, args) -- Args are life, jkt ('' for any), blob.
    redis.call('HSET', keys[1], 'until', whole(clock(keys[1]) + args[1]), 'jkt', args[2], 'blob', args[3])
    redis.call('PEXPIRE', keys[1], args[1])
    return 'put'
end

local function find_code(keys)
    local code = redis.call('HMGET', keys[1], 'until', 'used', 'blob')
    -- One that was used is told from one that never was for longer than it could be used.
    if not code[1] or not code[2] and clock(keys[1]) >= tonumber(code[1]) then return 'gone' end
    return words('found', code[2] or 0, code[3] or '-')
end

-- Why the code cannot be redeemed, or nil. Who comes with a used code ends what it made.
local function refusal(keys, jkt, now)
    local code = redis.call('HMGET', keys[1], 'until', 'jkt', 'used')
    if not code[1] then return 'gone' end
    -- The same request twice is the network's doing, and harms nobody.
    if keys[5] and redis.call('EXISTS', keys[5]) == 1 then return 'proof_seen' end
    if code[3] then return words('replayed', stop(keys[2], keys[3], now, 'code_reused') and 1 or 0) end
    if now >= tonumber(code[1]) then return 'expired' end
    if code[2] ~= '' and code[2] ~= jkt then return 'other_device' end
    return nil
end

-- The record of a session, from the args of `redeem_code`.
local function make(key, args, now)
    local auth_time, limits = tonumber(args[4]), {}
    for limit in args[5]:gmatch('%d+') do limits[#limits + 1] = limit end
    redis.call(
        'HSET', key, 'jkt', args[1], 'acr', args[3], 'action', 'allow', 'risk', 0, 'blob', args[6],
        'cur', 0, 'used', 0, 'rotated_at', whole(now), 'replayed', 0,
        'created', whole(now), 'seen', whole(now), 'ends', whole(now + limits[2]), 'auth_time', whole(auth_time),
        'browse_idle', limits[1], 'browse_window', limits[3],
        'general_idle', limits[4], 'general_absolute', limits[5], 'general_window', limits[6],
        'elevated_idle', limits[7], 'elevated_absolute', limits[8], 'elevated_window', limits[9]
    )
    reach(key, {}, RANK[args[2]], auth_time, now)
    return read(key)
end

-- Enters a session into its holder's list. Those that would end first, where there are more than `most`; never itself.
local function enter(list, sid, s, most, now)
    redis.call('ZREMRANGEBYSCORE', list, '-inf', whole(now))
    redis.call('ZADD', list, whole(ends_at(s)), sid)
    redis.call('PEXPIRE', list, whole(math.max(redis.call('PTTL', list), s.ends - now + ENDED_LIFE)))
    local over, crowded = redis.call('ZCARD', list) - most, {}
    for _, other in ipairs(over > 0 and redis.call('ZRANGE', list, 0, over) or {}) do
        if other ~= sid and #crowded < over then crowded[#crowded + 1] = other end
    end
    return crowded
end

-- Keys are code, session, list, epoch and, where there is one, proof. Args are jkt, tier, acr, auth_time, limits (idle, absolute and
-- window of each tier, lowest first), blob, life of the used mark, most sessions, life of the proof.
-- Status, first that applies: gone, proof_seen, replayed, expired, other_device, superseded, redeemed; behind that the sids of the
-- holder's sessions that are too many.
local function redeem_code(keys, args)
    local now = clock(keys[1])
    local refused = refusal(keys, args[1], now)
    if refused then return refused end
    local epoch = tonumber(redis.call('GET', keys[4]))
    if epoch and tonumber(args[4]) < epoch then return 'superseded' end
    if keys[5] then redis.call('SET', keys[5], '', 'PX', args[9]) end
    redis.call('HSET', keys[1], 'used', 1)
    redis.call('PEXPIRE', keys[1], args[7])
    local s = make(keys[2], args, now)
    redis.call('PEXPIRE', keys[2], whole(ends_at(s) - now + ENDED_LIFE))
    return words('redeemed', unpack(enter(keys[3], sid_of(keys[2]), s, tonumber(args[8]), now)))
end

register('put_code', put_code)
register('find_code', find_code, READS)
register('redeem_code', redeem_code)
