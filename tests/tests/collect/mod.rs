//! The tracking API by request: Segment's own libraries send to the deployed function URL, and what they sent is in the tables;
//! every answer that a caller can get; and that nothing is answered with 200 that is not stored.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod answers;
mod landing;
mod libraries;
pub mod source;
mod unavailable;
