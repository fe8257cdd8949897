//! From a request to its answer.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use shared::aws::{Bucket, BucketError};
use shared::state::{StateTable, StoreError};

use crate::figures::figures;
use crate::gaps::{DATASETS, Known, gaps};
use crate::lake::Table;
use crate::message;
use crate::page::{PageContent, PageError, page};
use crate::performance::Terms;
use crate::period::{Period, PeriodError};
use crate::publish::{Keys, News, PublishError, Publisher};
use crate::rates::Rates;
use crate::refresh::{RefreshError, Refreshed, Refresher};
use crate::request::{Answer, IdError, ReportAnswer, ReportRequest, Task};
use crate::runs::{DatasetRuns, Runs, RunsError};
use crate::state;
use crate::table::{TableError, table};

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The period is none.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Performance could not be computed.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// The state could not be read. A retry may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The exchange rates could not be read. A retry may help.
    #[error(transparent)]
    Rates(#[from] BucketError),
    /// The ledger could not be read.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// The page could not be made.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The table could not be made.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The report could not be handed out.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What the function is set to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Full days that a report covers where none are asked for.
    pub days: u32,
    /// The report's time zone.
    pub time_zone: Tz,
    /// The report's currency; none: currencies are kept apart.
    pub currency: Option<String>,
    /// Key of the exchange rates in the reports bucket.
    pub rates_key: Option<String>,
    /// The model: `last`, `first` or `linear`.
    pub model: String,
    /// The look-back window in days.
    pub window_days: u32,
}

/// Makes reports.
pub struct Reporter {
    /// What it is set to.
    pub settings: Settings,
    /// The state of attribution.
    pub store: StateTable,
    /// The table of performance.
    pub lake: Table,
    /// The runs of the ledger.
    pub runs: Runs,
    /// Where reports go.
    pub publisher: Publisher,
}

/// An invocation: its own id, when it began and when Lambda ends it.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its id: the same in Lambda's retries.
    pub id: String,
    /// When it began.
    pub now: DateTime<Utc>,
    /// When Lambda ends it.
    pub deadline: DateTime<Utc>,
}

impl Reporter {
    /// Does what is asked for.
    pub async fn report(
        &self,
        request: &ReportRequest,
        invocation: &Invocation,
    ) -> Result<Answer, ReportError> {
        // What cannot be done is said before anything is.
        let id = request.id(&invocation.id)?;
        let today = invocation.now.with_timezone(&self.settings.time_zone).date_naive();
        let period = Period::asked(request.from, request.to, self.settings.days, today)?;
        let terms = self.terms().await?;
        let refresher = Refresher {
            store: &self.store,
            lake: &self.lake,
            terms: &terms,
            deadline: invocation.deadline,
        };
        let is_for_days = request.task == Task::Refresh && request.from.or(request.to).is_some();
        let refreshed = refresher.refresh(is_for_days.then_some(period)).await?;
        tracing::info!(
            dates = refreshed.dates,
            changed_rows = refreshed.changed_rows,
            dates_left = refreshed.dates_left,
            "performance is computed"
        );
        let report = match request.task {
            Task::Refresh => None,
            Task::Page => {
                let keys = Keys::of(period.to, &id);
                Some(self.page(&keys, period, &terms, refreshed).await?)
            }
        };
        Ok(Answer {
            refreshed_dates: refreshed.dates,
            changed_rows: refreshed.changed_rows,
            report,
        })
    }

    /// What holds for all rows, with the rates as they stand now.
    async fn terms(&self) -> Result<Terms, BucketError> {
        let Settings { time_zone, currency, rates_key, model, window_days, .. } = &self.settings;
        let mut rates = Rates::none(currency.clone());
        if let (Some(currency), Some(key)) = (currency, rates_key) {
            match self.publisher.reports.get(key).await? {
                Some(csv) => rates = Rates::read(currency.clone(), &csv),
                None => tracing::warn!(key, "there are no exchange rates under their key"),
            }
        }
        Ok(Terms { time_zone: *time_zone, rates, model: model.clone(), window_days: *window_days })
    }

    async fn page(
        &self,
        keys: &Keys,
        period: Period,
        terms: &Terms,
        refreshed: Refreshed,
    ) -> Result<ReportAnswer, ReportError> {
        let now = Utc::now();
        let rows = state::performance(&self.store, period).await?;
        let figures = figures(&rows, period);
        let sources = self.sources(period.begins_at(terms.time_zone)).await?;
        let dates_left = refreshed.dates_left;
        let gaps =
            gaps(Known { period, now, terms, figures: &figures, sources: &sources, dates_left });
        let content = PageContent { period, now, terms, figures: &figures, gaps: &gaps };
        let (page, table) = (page(content)?.into_bytes(), table(&rows)?);
        self.publisher.store(&keys.page, "text/html; charset=utf-8", page).await?;
        self.publisher.store(&keys.table, "text/csv; charset=utf-8", table).await?;
        let link = self.publisher.link(&keys.page).await?;
        let hours = self.publisher.link_hours;
        let text = message::text(period, &figures, &gaps, &link, hours);
        let news = News { subject: message::subject(period), text };
        let is_told = self.publisher.tell(keys, news).await?;
        tracing::info!(
            key = keys.page,
            rows = rows.len(),
            gaps = gaps.len(),
            is_told,
            "the report is made"
        );
        let reports: &Bucket = &self.publisher.reports;
        Ok(ReportAnswer {
            page: reports.uri_of(&keys.page),
            table: reports.uri_of(&keys.table),
            link,
        })
    }

    async fn sources(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, DatasetRuns)>, RunsError> {
        let asked = DATASETS.map(|dataset| self.runs.since(dataset, since));
        let found = futures_util::future::try_join_all(asked).await?;
        Ok(DATASETS.into_iter().zip(found).collect())
    }
}
