//! The clock, the queues and the sweep over stores in memory.

mod clock;
mod people;
mod queues;
mod refusing;
mod scene;
mod sweep;
