//! A sweep: which objects have landed that no run has ever picked up.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;
use serde::Serialize;
use shared::aws::Listed;
use shared::incident::{self, Incidents};
use shared::landing::{PARTS, part_read_by_a_transform};
use shared::lineage::input_dataset;
use shared::state::Store;

use crate::error::{Failures, WatchError};
use crate::landed::{Landed, pass_over};
use crate::order::SweepOrder;
use crate::stretch::{self, Stretch, Swept};
use crate::tick::Tick;
use crate::unread::{self, Objects};

/// How many objects are asked for in the Inputs table at once.
const AT_ONCE: usize = 16;

/// A sweep lists so many pages of a thousand keys; the next one goes on. An hour's costs half a cent then.
const MOST_PAGES: u32 = 1_000;

/// Sweeps the landing bucket.
///
/// A sweep lists what transforms read, without folders of days long past, and asks the Inputs table once for each
/// object that landed in its stretch of time. At rest that is two calls to DynamoDB and a list call for each
/// thousand keys.
#[derive(Debug)]
pub struct Sweeper<S, I, L> {
    /// The observations table.
    pub store: S,
    /// The incidents.
    pub incidents: Incidents<I>,
    /// What has landed.
    pub landed: L,
    /// The settings.
    pub settings: SweepSettings,
}

/// What a sweeper goes by.
#[derive(Debug, Clone, Copy)]
pub struct SweepSettings {
    /// How long an object may lie unread.
    pub grace: TimeDelta,
    /// How far back from there is looked at least.
    pub look_back: TimeDelta,
    /// How long until that is grave.
    pub patience: TimeDelta,
}

/// What a sweep has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepAnswer {
    /// Objects that landed in its stretch of time and hold data by their names.
    pub objects: u64,
    /// Objects that nobody has read, those of earlier sweeps too.
    pub unread: u64,
    /// Folders that they are in.
    pub folders: u64,
    /// Whether the time was up: the next sweep goes on.
    pub has_more: bool,
}

/// Unread objects by folder.
type Folders = BTreeMap<String, Objects>;

impl<S: Store, I: incident::Store, L: Landed> Sweeper<S, I, L> {
    /// Carries an order out, as far as it comes by a deadline.
    pub async fn sweep(
        &self,
        order: &SweepOrder,
        now: DateTime<Utc>,
        deadline: DateTime<Utc>,
    ) -> Result<SweepAnswer, WatchError> {
        let tick = Tick::of(order.as_of, now);
        let prefix = order.prefix.as_deref().unwrap_or_default();
        let known = stretch::recall(&self.store).await?;
        // An order for a part of the bucket, or by another clock, is not a step of the sweeps by the hour.
        let is_step = order.prefix.is_none() && tick.clock == tick.now;
        let base = if is_step { known.clone() } else { Swept::default() };
        let mut stretch = base.next(self.settings.look_back, tick.clock - self.settings.grace);
        let is_asked = |objects: &Objects| objects.keys().any(|key| key.starts_with(prefix));
        let (mut folders, mut others): (Folders, Folders) = unread::recall(&self.store)
            .await?
            .into_iter()
            .partition(|(_, objects)| is_asked(objects));
        self.forget_what_was_read(&mut folders).await?;
        let mut answer = SweepAnswer::default();
        let is_done = self.walk(&mut stretch, prefix, &mut folders, &mut answer, deadline).await?;
        answer.has_more = !is_done;
        for (folder, objects) in &mut folders {
            objects.extend(others.remove(folder).unwrap_or_default());
        }
        let told = self.tell(&folders, &mut stretch, &mut answer, tick).await;
        // Also where a folder failed: the others go on, and what is new in it was left out.
        if is_step {
            let swept = Swept::after(stretch, !answer.has_more, &known);
            stretch::remember(&self.store, &swept).await?;
        }
        told.map(|()| answer)
    }

    /// Leaves those that are still there and that nobody has read.
    async fn forget_what_was_read(&self, folders: &mut Folders) -> Result<(), WatchError> {
        for objects in folders.values_mut() {
            let keys: Vec<String> = objects.keys().cloned().collect();
            for some in keys.chunks(AT_ONCE) {
                let asked = try_join_all(some.iter().map(|key| self.is_unread(key))).await?;
                for (key, is_unread) in some.iter().zip(asked) {
                    if !is_unread {
                        objects.remove(key);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a remembered object is there and was not read. Listing it needs no right to read it.
    async fn is_unread(&self, key: &str) -> Result<bool, WatchError> {
        let listed = self.landed.list(key, "").await?;
        match listed.objects.first().filter(|object| object.key == key) {
            Some(object) => Ok(!self.landed.is_read(object).await?),
            None => Ok(false),
        }
    }

    /// Goes through the keys of a stretch; whether to its end.
    async fn walk(
        &self,
        stretch: &mut Stretch,
        prefix: &str,
        folders: &mut Folders,
        answer: &mut SweepAnswer,
        deadline: DateTime<Utc>,
    ) -> Result<bool, WatchError> {
        let mut pages = 0;
        for prefix in prefixes(prefix) {
            if !is_before_end(&stretch.after, prefix) {
                continue;
            }
            let mut has_more = true;
            while has_more {
                if pages >= MOST_PAGES || Utc::now() >= deadline {
                    return Ok(false);
                }
                let after =
                    if stretch.after.starts_with(prefix) { stretch.after.as_str() } else { "" };
                let page = self.landed.list(prefix, after).await?;
                pages += 1;
                has_more = page.is_truncated;
                let Some(last) = page.objects.last() else { break };
                let next = pass_over(&last.key, stretch.from).filter(|next| *next > last.key);
                stretch.after = next.unwrap_or_else(|| last.key.clone());
                self.take_in(&page.objects, stretch, folders, answer).await?;
            }
        }
        Ok(true)
    }

    /// Looks for the objects of a page in the Inputs table.
    async fn take_in(
        &self,
        page: &[Listed],
        stretch: &mut Stretch,
        folders: &mut Folders,
        answer: &mut SweepAnswer,
    ) -> Result<(), WatchError> {
        let mut landed: Vec<(&Listed, DateTime<Utc>)> = Vec::new();
        for object in page {
            let Some(at) = object.last_modified else { continue };
            let is_of_stretch = stretch.from < at && at <= stretch.to;
            if is_of_stretch && part_read_by_a_transform(&object.key).is_some() {
                landed.push((object, at));
            }
        }
        answer.objects += landed.len() as u64;
        for some in landed.chunks(AT_ONCE) {
            let asked = some.iter().map(|(object, _)| self.landed.is_read(object));
            for ((object, at), is_read) in some.iter().zip(try_join_all(asked).await?) {
                if !is_read {
                    keep(folders, stretch, self.landed.bucket(), &object.key, *at);
                }
            }
        }
        Ok(())
    }

    /// Tells of every folder, and remembers what is unread of it. What there was no room for, and what is new in
    /// a folder that fails, is left out of the stretch: the next sweep looks for it again.
    async fn tell(
        &self,
        folders: &Folders,
        stretch: &mut Stretch,
        answer: &mut SweepAnswer,
        tick: Tick,
    ) -> Result<(), WatchError> {
        let mut failures = Failures::default();
        for (folder, objects) in folders {
            answer.unread += objects.len() as u64;
            answer.folders += u64::from(!objects.is_empty());
            let told = self.tell_folder(folder, objects, tick).await;
            let from = stretch.from;
            let is_new = |(_, landed): &(&String, &DateTime<Utc>)| from < **landed;
            let beyond = failures.take(folder, told).unwrap_or_else(|| {
                objects.iter().filter(is_new).map(|(key, landed)| (key.clone(), *landed)).collect()
            });
            for landed in beyond.values() {
                leave_out(stretch, *landed);
            }
        }
        failures.into_result()
    }

    /// The objects that there was no room to remember.
    async fn tell_folder(
        &self,
        folder: &str,
        objects: &Objects,
        tick: Tick,
    ) -> Result<Objects, WatchError> {
        let judgement = unread::judge(folder, objects, self.settings.patience, tick.clock);
        let context = unread::context(objects);
        let (as_of, resolution) = (tick.as_of(), "they were read, or are gone");
        // What is remembered last is judged again where this fails.
        judgement.report(&self.incidents, folder, &context, as_of, tick.now, resolution).await?;
        unread::remember(&self.store, folder, objects, tick.now).await
    }
}

/// What is listed where keys that begin with a prefix are asked for: of all that transforms read.
fn prefixes(asked: &str) -> Vec<&str> {
    let mut prefixes = Vec::new();
    for part in PARTS {
        if asked.starts_with(part.prefix) {
            prefixes.push(asked);
        } else if part.prefix.starts_with(asked) {
            prefixes.push(part.prefix);
        }
    }
    prefixes
}

/// Whether a listing that stands behind a key still has some of a prefix before it.
fn is_before_end(after: &str, prefix: &str) -> bool {
    after < prefix || after.starts_with(prefix)
}

fn keep(folders: &mut Folders, stretch: &mut Stretch, bucket: &str, key: &str, at: DateTime<Utc>) {
    let folder = input_dataset(bucket, key).to_string();
    if folders.len() >= unread::MOST_FOLDERS && !folders.contains_key(&folder) {
        return leave_out(stretch, at);
    }
    let objects = folders.entry(folder).or_default();
    // Twice as many as are remembered: the oldest of them are.
    if objects.len() >= unread::MOST_OF_A_FOLDER * 2 && !objects.contains_key(key) {
        return leave_out(stretch, at);
    }
    objects.insert(key.to_owned(), at);
}

fn leave_out(stretch: &mut Stretch, landed: DateTime<Utc>) {
    stretch.left_out = Some(stretch.left_out.map_or(landed, |first| first.min(landed)));
}
