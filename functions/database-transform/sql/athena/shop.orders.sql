-- The current rows of shop.orders. Made from the contract; `UPDATE_SQL=1 cargo test -p database-transform` makes it anew.
with changes as (
  select *, max(case when _op = 'D' then _sequence end) over (partition by id) as deleted
  from shop.orders
)
select
  id,
  max_by(_sequence, _sequence) as _sequence,
  max_by(_committed_at, _sequence) as _committed_at,
  max_by(_source, _sequence) as _source,
  max_by(customer_id, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'customer_id')) as customer_id,
  max_by(status, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'status')) as status,
  max_by(currency, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'currency')) as currency,
  max_by(total, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'total')) as total,
  max_by(discount, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'discount')) as discount,
  max_by(gclid, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'gclid')) as gclid,
  max_by(ordered_at, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'ordered_at')) as ordered_at,
  max_by(updated_at, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'updated_at')) as updated_at,
  max_by(extra, _sequence) as extra
from changes
where deleted is null or _sequence > deleted
group by id
