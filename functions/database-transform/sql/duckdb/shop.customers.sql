-- The current rows of shop.customers. Made from the contract; `UPDATE_SQL=1 cargo test -p database-transform` makes it anew.
with changes as (
  select *, max(case when _op = 'D' then _sequence end) over (partition by id) as deleted
  from shop.customers
)
select
  id,
  arg_max({'value': _sequence}, _sequence).value as _sequence,
  arg_max({'value': _committed_at}, _sequence).value as _committed_at,
  arg_max({'value': _source}, _sequence).value as _source,
  (arg_max({'value': email}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'email'))).value as email,
  (arg_max({'value': name}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'name'))).value as name,
  (arg_max({'value': phone}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'phone'))).value as phone,
  (arg_max({'value': country}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'country'))).value as country,
  (arg_max({'value': marketing_consent}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'marketing_consent'))).value as marketing_consent,
  (arg_max({'value': created_at}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'created_at'))).value as created_at,
  (arg_max({'value': updated_at}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'updated_at'))).value as updated_at,
  arg_max({'value': extra}, _sequence).value as extra
from changes
where deleted is null or _sequence > deleted
group by id
