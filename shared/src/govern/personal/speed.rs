//! How fast texts are read; run with `cargo test --release -- --ignored --nocapture personal::speed`.

use std::time::Instant;

use super::*;

/// Bytes of each sort of text.
const SIZE: usize = 16 << 20;

/// Numbers that look random and are the same at every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn texts(of: &[&str]) -> Vec<String> {
    let mut numbers = Numbers(20_260_301);
    let mut texts = Vec::new();
    let mut size = 0;
    while size < SIZE {
        let text = of[numbers.below(of.len() as u64) as usize]
            .replace("{}", &numbers.below(1_000_000).to_string());
        size += text.len();
        texts.push(text);
    }
    texts
}

fn measure(name: &str, texts: &[String]) {
    let size: usize = texts.iter().map(String::len).sum();
    let mut target = String::new();
    let mut redactions = 0_usize;
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        redactions = 0;
        for text in texts {
            target.clear();
            redactions += usize::from(redact_into(text, &mut target));
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{name}: {:.0} MB/s, {} texts of {} bytes, {redactions} redacted",
        size as f64 / best / 1e6,
        texts.len(),
        size / texts.len()
    );
}

#[test]
#[ignore = "prints how fast it is, judges nothing"]
fn speed_of_redaction() {
    measure(
        "nothing to look at",
        &texts(&[
            "Running shoes for men and women, light and comfortable, in many colours",
            "Wo bleibt meine Bestellung? Ich warte seit letzter Woche und habe nichts gehört.",
            "Checkout | Example Shop",
            "Order Completed",
            "blue",
            "Berlin",
        ]),
    );
    measure(
        "digits, nothing to find",
        &texts(&[
            "Where is my order {}? It was placed on 2026-11-23.",
            "https://shop.example/p/{}?page=2&sort=1",
            "iphone 15 pro 256 gb",
            "SKU AB-{}-XL",
            "1920x1080",
            "updated at 10:30:00",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        ]),
    );
    measure(
        "typical",
        &texts(&[
            "Running shoes for men and women, light and comfortable, in many colours",
            "Where is my order {}? It was placed on 2026-11-23.",
            "https://shop.example/p/{}?page=2&sort=1",
            "Hi, please send the invoice to ada{}@example.com, thanks!",
            "iphone 15 pro 256 gb",
            "You can reach me at (202) 555-0114 after 5pm",
            "Checkout | Example Shop",
            "blue",
            "Order Completed",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "client 192.0.2.1:51234 connected",
            "request_id=550e8400-e29b-41d4-a716-446655440000 status=200",
        ]),
    );
    measure(
        "personal data alone",
        &texts(&[
            "ada{}@example.com",
            "+49 30 23125123",
            "(202) 555-0114",
            "4111 1111 1111 1111",
            "192.0.2.1",
            "07700 900123",
        ]),
    );
}
