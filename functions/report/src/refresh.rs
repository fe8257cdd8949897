//! Performance computed again where something has changed.
//!
//! A day is marked before it changes, by who changes it; each mark stands for the day and its
//! neighbours, because orders are kept by UTC day and reported by local day. What is computed is
//! compared with what the state has, and only the difference goes to the lake. The order of the writes
//! makes every step repeatable: rows are noted in the state as unsettled, appended to the lake, then
//! settled. A refresh that breaks off leaves rows unsettled and marks where they were; the next one
//! appends those rows again, with a newer `as_of`.
//!
//! The local day of an order follows from whose campaign it is credited to and from the time zone of the
//! account, and either may be known later, or change. Nobody marks a day for that. So wherever orders of a
//! UTC day are read, how they are dated is compared with how they were; if it is another way, all the days
//! that they may be of are computed, those that they leave as those that they come to. And where a time
//! zone is known otherwise than before, every day with orders is.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use shared::attribution::key::moment;
use shared::attribution::order::AttributedOrder;
use shared::attribution::performance::{Changed, DAYS, PerformanceRow};
use shared::state::{Item, Store, StoreError};

use crate::changes::{Stored, changes};
use crate::lake::{Lake, LakeError};
use crate::performance::{Day, Dictionary, Terms, dating, performance};
use crate::period::{Period, after, before};
use crate::state::{self, Orders};
use crate::turn::Turn;

/// Days whose changed rows are held at once, and come into one object.
const DAYS_AT_ONCE: usize = 50;

/// A mark is older than every invocation of `attribute` by then: what it announced is written.
const MARK_AGE: TimeDelta = TimeDelta::minutes(15);

/// Left for what comes after, when the time runs out.
const MARGIN: TimeDelta = TimeDelta::seconds(20);

/// Between two looks at whose turn it is.
const PAUSE: Duration = Duration::from_millis(500);

/// Why performance is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The state failed. A retry may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Another refresh is at work. A retry helps once it is done.
    #[error("another refresh is at work and did not end in time; a retry helps")]
    Busy,
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Days that were computed.
    pub dates: u64,
    /// Rows that were new, other or gone.
    pub changed_rows: u64,
    /// Days for which there was no time.
    pub dates_left: u64,
}

/// What a refresh has to do.
#[derive(Debug, Default)]
struct Agenda {
    /// The marks that stand.
    marks: Vec<(Item, Changed)>,
    /// Days that are to be computed.
    left: BTreeSet<NaiveDate>,
    /// UTC days whose orders are dated as they were, or all of whose days are computed.
    dated: BTreeSet<NaiveDate>,
}

impl Agenda {
    fn of(marks: Vec<(Item, Changed)>) -> Self {
        let mut agenda = Self::default();
        for (_, mark) in &marks {
            agenda.add(mark.date);
        }
        Self { marks, ..agenda }
    }

    /// Adds the days that orders of a UTC day may be of; those that no row can be of say nothing.
    fn add(&mut self, day: NaiveDate) {
        self.left.extend(around(day).into_iter().filter(|day| DAYS.contains(day)));
    }

    fn is_marked(&self, day: NaiveDate) -> bool {
        self.marks.iter().any(|(_, mark)| mark.date == day)
    }
}

/// Days that were computed together.
#[derive(Debug, Default)]
struct Lot {
    days: Vec<NaiveDate>,
    changed: Vec<PerformanceRow>,
}

/// Computes performance from a state, and takes what changed to a lake.
pub struct Refresher<'a, S, L> {
    /// The state.
    pub store: &'a S,
    /// The lake.
    pub lake: &'a L,
    /// What holds for all rows.
    pub terms: &'a Terms,
    /// When Lambda ends the invocation.
    pub deadline: DateTime<Utc>,
}

impl<S: Store, L: Lake> Refresher<'_, S, L> {
    /// Computes the marked days again, and those of a period, marked or not.
    pub async fn refresh(&self, also: Option<Period>) -> Result<Refreshed, RefreshError> {
        let turn = self.turn().await?;
        let refreshed = self.refresh_in_turn(also, turn.as_of()).await;
        let given = turn.give(self.store).await;
        let refreshed = refreshed?;
        given?;
        Ok(refreshed)
    }

    async fn turn(&self) -> Result<Turn, RefreshError> {
        loop {
            // As many digits as the lake keeps.
            let now = Utc::now().trunc_subsecs(6);
            if let Some(turn) = Turn::take(self.store, now, self.deadline).await? {
                return Ok(turn);
            }
            if self.is_late() {
                return Err(RefreshError::Busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn is_late(&self) -> bool {
        Utc::now() + MARGIN > self.deadline
    }

    async fn refresh_in_turn(
        &self,
        also: Option<Period>,
        as_of: DateTime<Utc>,
    ) -> Result<Refreshed, RefreshError> {
        // Before the marks are read: what is older than this was marked before that.
        let started_at = Utc::now();
        if let Some(period) = also {
            state::mark(self.store, period.days().collect()).await?;
        }
        let dictionary = state::dictionary(self.store).await?;
        state::mark_where_zones_differ(self.store, &dictionary.zones(self.terms.time_zone)).await?;
        let mut agenda = Agenda::of(state::marks(self.store).await?);
        let mut refreshed = Refreshed::default();
        if agenda.marks.is_empty() {
            return Ok(refreshed);
        }
        let mut orders = Orders::default();
        loop {
            let lot = self.lot(&mut agenda, &dictionary, &mut orders, as_of).await?;
            self.write(&lot.changed, as_of).await?;
            refreshed.dates += lot.days.len() as u64;
            refreshed.changed_rows += lot.changed.len() as u64;
            self.take_marks_away(&mut agenda, started_at).await?;
            if agenda.left.is_empty() || self.is_late() {
                break;
            }
        }
        refreshed.dates_left = agenda.left.len() as u64;
        Ok(refreshed)
    }

    /// Computes some of the days that are left, as many as there is time for, and one at least.
    async fn lot(
        &self,
        agenda: &mut Agenda,
        dictionary: &Dictionary,
        orders: &mut Orders,
        as_of: DateTime<Utc>,
    ) -> Result<Lot, StoreError> {
        let mut lot = Lot::default();
        // The newest first: they are what people look at.
        let days: Vec<NaiveDate> = agenda.left.iter().rev().take(DAYS_AT_ONCE).copied().collect();
        for date in days {
            let orders = orders.of(self.store, around(date)).await?;
            for (day, orders) in around(date).into_iter().zip(orders) {
                self.follow(day, orders, dictionary, agenda).await?;
            }
            let advertising = state::advertising(self.store, date).await?;
            let day = Day { date, orders: &orders, advertising: &advertising };
            let computed = performance(day, dictionary, self.terms, as_of);
            let stored = state::stored(self.store, date).await?;
            lot.changed.extend(changes(computed, stored, as_of));
            lot.days.push(date);
            agenda.left.remove(&date);
            if self.is_late() {
                break;
            }
        }
        Ok(lot)
    }

    /// Has all the days computed that orders of a UTC day are, or were, dated by, if some have moved.
    ///
    /// The day is marked before it is noted how they are dated now: whatever breaks off after that, a
    /// mark stands for them.
    async fn follow(
        &self,
        day: NaiveDate,
        orders: &[AttributedOrder],
        dictionary: &Dictionary,
        agenda: &mut Agenda,
    ) -> Result<(), StoreError> {
        if !agenda.dated.insert(day) {
            return Ok(());
        }
        let dating = dating(orders, dictionary, self.terms);
        if state::dating(self.store, day).await? == dating {
            return Ok(());
        }
        if !agenda.is_marked(day) {
            agenda.marks.extend(state::mark(self.store, vec![day]).await?);
        }
        agenda.add(day);
        state::keep_dating(self.store, day, &dating).await
    }

    async fn write(
        &self,
        changed: &[PerformanceRow],
        as_of: DateTime<Utc>,
    ) -> Result<(), RefreshError> {
        if changed.is_empty() {
            return Ok(());
        }
        let unsettled = changed.iter().map(Stored::unsettled);
        self.store.put_all(unsettled.collect::<Result<_, _>>()?).await?;
        self.lake.append(changed, as_of).await?;
        let (gone, there): (Vec<_>, Vec<_>) = changed.iter().partition(|row| row.is_nothing());
        self.store.delete_all(gone.into_iter().map(PerformanceRow::key).collect()).await?;
        let settled = there.into_iter().map(Stored::settled);
        self.store.put_all(settled.collect::<Result<_, _>>()?).await?;
        Ok(())
    }

    /// Takes away the marks whose days are all computed, unless what they announced may still come.
    async fn take_marks_away(
        &self,
        agenda: &mut Agenda,
        started_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let oldest_that_stays = moment(started_at - MARK_AGE);
        let Agenda { marks, left, .. } = agenda;
        let is_done = |mark: &Changed| around(mark.date).iter().all(|day| !left.contains(day));
        let (done, rest) = std::mem::take(marks).into_iter().partition(|(_, mark)| is_done(mark));
        *marks = rest;
        let done: Vec<(Item, Changed)> = done;
        for (item, mark) in done {
            if mark.marked_at < oldest_that_stays {
                self.store.delete_if(&item.key, "marked_at", &mark.marked_at).await?;
            }
        }
        Ok(())
    }
}

/// A day and its neighbours.
fn around(date: NaiveDate) -> [NaiveDate; 3] {
    [before(date, 1), date, after(date, 1)]
}
