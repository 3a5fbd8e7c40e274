-- Copyright (c) 2026 The mixed_lb.stack authors
-- GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Written by mixed_lb.stack, role dns_lb. Changes made here are lost.
-- Answers one question. A LUA record calls it with what is known of its name:
--   key        file name of the flag that says that its checks have not run yet
--   answer     all, weighted, failover, geo or hashed
--   count      most addresses in an answer, 0 for no limit
--   when_down  all, none, servfail or fallback
--   fallback   addresses for that
--   check      nil, or {port = ...} or {url = ...} with options = {...}
--   nobody     an address that no check ever reaches
--   addresses  {{address, weight = , priority = , countries = {}, continents = {}, location = {latitude, longitude}}, ...}

local COLD = '/run/pdns/mixed_lb/cold/'

local function is_cold(key)
  local flag = io.open(COLD .. key)
  if flag then flag:close() end
  return flag ~= nil
end

-- The entries whose check passes. PowerDNS does not tell "all are up" from "all are down": it tries all of them then.
-- So an address that is never up is asked for too; where it is in the result, all are down.
local function alive(it)
  local check = it.check
  if not check then return it.addresses end
  local wanted, up, result = {}, {}, {}
  for at, each in ipairs(it.addresses) do wanted[at] = each[1] end
  wanted[#wanted + 1] = it.nobody
  local found
  if check.url then
    found = ifurlup(check.url, wanted, check.options)
  else
    found = ifportup(check.port, wanted, check.options)
  end
  for _, address in ipairs(found) do up[address] = true end
  if up[it.nobody] then return result end
  for _, each in ipairs(it.addresses) do
    if up[each[1]] then result[#result + 1] = each end
  end
  return result
end

local function keep(list, is_wanted)
  local result = {}
  for _, each in ipairs(list) do
    if is_wanted(each) then result[#result + 1] = each end
  end
  return result
end

local function addresses_of(list)
  local result = {}
  for at, each in ipairs(list) do result[at] = each[1] end
  return result
end

-- The entries with the smallest value; what has none is not among them.
local function least(list, value_of)
  local best
  for _, each in ipairs(list) do
    local value = value_of(each)
    if value and (not best or value < best) then best = value end
  end
  return keep(list, function(each) return value_of(each) == best end)
end

local function contains(list, word)
  for _, each in ipairs(list or {}) do
    if each == word then return true end
  end
  return false
end

-- Great-circle distance in kilometres, whole ones, so that two addresses of one site are equally near.
local function distance(from, to)
  local rad = math.pi / 180
  local a = math.sin((to[1] - from[1]) * rad / 2) ^ 2
    + math.cos(from[1] * rad) * math.cos(to[1] * rad) * math.sin((to[2] - from[2]) * rad / 2) ^ 2
  return math.floor(2 * 6371 * math.asin(math.min(1, math.sqrt(a))))
end

-- Where the client is: nil where the database does not know (PowerDNS then says 0 0).
local function client_location()
  local latitude, longitude = latlon():match('^(%S+) (%S+)$')
  latitude, longitude = tonumber(latitude), tonumber(longitude)
  if not latitude or (latitude == 0 and longitude == 0) then return nil end
  return {latitude, longitude}
end

-- Country, then continent, then the nearest, then what is for no place in particular, then all.
local function geo(list)
  local country, continent = countryCode(), continentCode()
  local found = keep(list, function(each) return contains(each.countries, country) end)
  if #found == 0 then
    found = keep(list, function(each) return contains(each.continents, continent) end)
  end
  if #found == 0 then
    local client = client_location()
    if client then
      local placed = keep(list, function(each) return each.location end)
      found = least(placed, function(each) return distance(client, each.location) end)
    end
  end
  if #found == 0 then
    found = keep(list, function(each) return not (each.countries or each.continents or each.location) end)
  end
  return #found > 0 and found or list
end

-- A share between 0 and 1 for a client and an address, the same on every server. The prime is small enough that
-- nothing is rounded; the squares keep addresses that differ by one digit from following each other.
local PRIME = 67108859

local function number(text)
  local value = 5381
  for at = 1, #text do value = (value * 33 + text:byte(at)) % PRIME end
  return value
end

local function share(client, address)
  local value, other = number(client), number(address)
  for round = 1, 4 do value = (value * value + other * 31 + round * 7919) % PRIME end
  return (value + 1) / (PRIME + 1)
end

-- Rendezvous hashing: an address that goes takes only its own clients with it.
local function hashed(list, count)
  local client, ranks, sorted = bestwho:toString(), {}, {}
  for at, each in ipairs(list) do
    ranks[each[1]], sorted[at] = -math.max(each.weight, 0.001) / math.log(share(client, each[1])), each[1]
  end
  table.sort(sorted, function(one, other) return ranks[one] > ranks[other] end)
  local result = {}
  for at = 1, math.min(count, #sorted) do result[at] = sorted[at] end
  return result
end

-- Without putting back, so that no address is there twice.
local function weighted(list, count)
  local left, result = {}, {}
  for at, each in ipairs(list) do left[at] = {math.max(each.weight, 1), each[1]} end
  while #left > 0 and #result < count do
    local picked = pickwrandom(left)
    result[#result + 1] = picked
    left = keep(left, function(each) return each[2] ~= picked end)
  end
  return result
end

local function when_down(it)
  if it.when_down == 'servfail' then error('mixed_lb: all addresses of ' .. it.key .. ' are down') end
  if it.when_down == 'fallback' then return it.fallback end
  if it.when_down == 'none' then return {} end
  return addresses_of(it.addresses)
end

local function answer(it)
  local list = alive(it)
  if #list == 0 then
    -- The first question is what makes the checks begin: until they have run, "none is up" means "nobody knows".
    if it.check and is_cold(it.key) then error('mixed_lb: ' .. it.key .. ' is not checked yet') end
    return when_down(it)
  end
  -- Weight 0 is for an address that is to be drained.
  local working = keep(list, function(each) return each.weight > 0 end)
  if #working > 0 then list = working end
  if it.answer == 'failover' then list = least(list, function(each) return each.priority end) end
  if it.answer == 'geo' then list = geo(list) end
  local count = it.count == 0 and #list or it.count
  if it.answer == 'weighted' then return weighted(list, count) end
  if it.answer == 'hashed' then return hashed(list, count) end
  local result = addresses_of(list)
  return #result > count and pickrandomsample(count, result) or result
end

-- Kept where PowerDNS keeps its Lua states (enable-lua-records=shared).
mixed_lb_answer = answer
return answer
