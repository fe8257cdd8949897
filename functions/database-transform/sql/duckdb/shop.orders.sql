-- The current rows of shop.orders. Made from the contract; `UPDATE_SQL=1 cargo test -p database-transform` makes it anew.
with changes as (
  select *, max(case when _op = 'D' then _sequence end) over (partition by id) as deleted
  from shop.orders
)
select
  id,
  arg_max({'value': _sequence}, _sequence).value as _sequence,
  arg_max({'value': _committed_at}, _sequence).value as _committed_at,
  arg_max({'value': _source}, _sequence).value as _source,
  (arg_max({'value': customer_id}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'customer_id'))).value as customer_id,
  (arg_max({'value': status}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'status'))).value as status,
  (arg_max({'value': currency}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'currency'))).value as currency,
  (arg_max({'value': total}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'total'))).value as total,
  (arg_max({'value': discount}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'discount'))).value as discount,
  (arg_max({'value': gclid}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'gclid'))).value as gclid,
  (arg_max({'value': ordered_at}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'ordered_at'))).value as ordered_at,
  (arg_max({'value': updated_at}, _sequence) filter (where not list_contains(string_split(coalesce(_absent, ''), ','), 'updated_at'))).value as updated_at,
  arg_max({'value': extra}, _sequence).value as extra
from changes
where deleted is null or _sequence > deleted
group by id
