//! Prints the page of an example month: `cargo run -p report --example page > page.html`.

#![allow(clippy::unwrap_used)]

#[path = "../tests/example/mod.rs"]
mod example;

fn main() {
    print!("{}", example::page_of(&example::rows(), &example::sources()));
}
