//! The bytes of the file on their way, counted, hashed and shown on a terminal.

use std::fs::File;
use std::io::{self, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ring::digest::{Context, SHA256};
use shared::run::hex;

/// A file that is being read.
pub struct FileReader {
    file: File,
    digest: Context,
    bytes: u64,
    bar: ProgressBar,
}

/// What was counted of a file.
pub struct Counted {
    /// SHA-256 in lower-case hex, as the ledger knows inputs by.
    pub checksum: String,
    /// Its bytes.
    pub bytes: u64,
}

impl FileReader {
    /// Reads a file of so many bytes. The bar is shown where standard error is a terminal, and nowhere else.
    pub fn new(file: File, length: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let template = "{wide_bar} {percent:>3} %  {binary_bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { file, digest: Context::new(&SHA256), bytes: 0, bar }
    }

    /// Takes the bar away, reads what is left and tells what there was in all.
    pub fn finish(mut self) -> io::Result<Counted> {
        io::copy(&mut self, &mut io::sink())?;
        self.bar.finish_and_clear();
        Ok(Counted { checksum: hex(self.digest.finish().as_ref()), bytes: self.bytes })
    }
}

impl Read for FileReader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(target)?;
        self.digest.update(&target[..length]);
        self.bytes += length as u64;
        self.bar.set_position(self.bytes);
        Ok(length)
    }
}
