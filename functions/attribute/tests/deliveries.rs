//! Whatever the order, the repetitions, the parts and the company in which facts come, the outcome is
//! one, and it is true.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use attribute::Attribution;
use attribute::rule::Model;
use futures_util::future::join_all;
use proptest::prelude::*;
use shared::state::{MemoryStore, Store};
use world::generate::{Telling, tellings, worlds};
use world::unsteady::Unsteady;
use world::{Happening, RETENTION_DAYS, facts, rule, state, truth};

/// How often a delivery is tried while calls fail; then the weather clears up.
const TRIES: usize = 30;

fn attribution<S: Store>(store: S, model: Model) -> Attribution<S> {
    Attribution::new(store, rule(model), RETENTION_DAYS)
}

/// Runs on one thread; pauses cost no time.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

fn batch(world: &[Happening], places: &[usize]) -> Vec<Happening> {
    places.iter().map(|place| world[*place].clone()).collect()
}

/// As it happened, one by one.
async fn told_in_order(world: &[Happening], model: Model) -> Attribution<MemoryStore> {
    let attribution = attribution(MemoryStore::default(), model);
    for happening in world {
        attribution.learn(&facts(std::slice::from_ref(happening))).await.unwrap();
    }
    attribution
}

async fn told(world: &[Happening], telling: &Telling, model: Model) -> Attribution<MemoryStore> {
    let attribution = attribution(MemoryStore::default(), model);
    for places in &telling.batches {
        attribution.learn(&facts(&batch(world, places))).await.unwrap();
    }
    attribution
}

/// All at the same time; one in `fails` calls fails, and what failed is told again.
async fn told_at_once(
    world: &[Happening],
    telling: &Telling,
    fails: u64,
    model: Model,
) -> Attribution<Unsteady> {
    let attribution = attribution(Unsteady::new(telling.seed, fails), model);
    let tell = async |places: &Vec<usize>| {
        let facts = facts(&batch(world, places));
        for attempt in 0.. {
            if attempt == TRIES {
                attribution.store().calm();
            }
            match attribution.learn(&facts).await {
                Ok(_) => return,
                Err(error) => assert!(fails > 0 && attempt <= TRIES, "{error}"),
            }
        }
    };
    join_all(telling.batches.iter().map(tell)).await;
    attribution
}

fn models() -> impl Strategy<Value = Model> {
    prop::sample::select(vec![Model::Last, Model::First, Model::Linear])
}

fn told_worlds() -> impl Strategy<Value = (Vec<Happening>, Telling)> {
    worlds().prop_flat_map(|world| {
        let tellings = tellings(world.len());
        (Just(world), tellings)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn told_in_any_order_and_in_parts((world, telling) in told_worlds(), model in models()) {
        let (first, other) = run(async {
            (told_in_order(&world, model).await, told(&world, &telling, model).await)
        });
        truth::hold(&world, other.store(), model);
        prop_assert_eq!(state(other.store()), state(first.store()));
    }

    #[test]
    fn told_at_the_same_time((world, telling) in told_worlds(), model in models()) {
        let (first, other) = run(async {
            (told_in_order(&world, model).await, told_at_once(&world, &telling, 0, model).await)
        });
        truth::hold(&world, &other.store().store, model);
        prop_assert_eq!(state(&other.store().store), state(first.store()));
    }

    #[test]
    fn told_again_where_calls_failed((world, telling) in told_worlds(), model in models()) {
        let (first, other) = run(async {
            (told_in_order(&world, model).await, told_at_once(&world, &telling, 60, model).await)
        });
        truth::hold(&world, &other.store().store, model);
        prop_assert_eq!(state(&other.store().store), state(first.store()));
    }
}
