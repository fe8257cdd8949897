-- The current rows of shop.customers. Made from the contract; `UPDATE_SQL=1 cargo test -p database-transform` makes it anew.
with changes as (
  select *, max(case when _op = 'D' then _sequence end) over (partition by id) as deleted
  from shop.customers
)
select
  id,
  max_by(_sequence, _sequence) as _sequence,
  max_by(_committed_at, _sequence) as _committed_at,
  max_by(_source, _sequence) as _source,
  max_by(email, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'email')) as email,
  max_by(name, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'name')) as name,
  max_by(phone, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'phone')) as phone,
  max_by(country, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'country')) as country,
  max_by(marketing_consent, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'marketing_consent')) as marketing_consent,
  max_by(created_at, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'created_at')) as created_at,
  max_by(updated_at, _sequence) filter (where not contains(split(coalesce(_absent, ''), ','), 'updated_at')) as updated_at,
  max_by(extra, _sequence) as extra
from changes
where deleted is null or _sequence > deleted
group by id
