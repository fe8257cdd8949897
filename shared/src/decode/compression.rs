//! Compression is known by the first bytes, never by the key's ending.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// Compressed bytes are handed to the decoder in pieces of this size.
const BUFFER_BYTES: usize = 128 * 1024;

/// A zstd window larger than this (2^27 = 128 MiB) would break the promise on memory.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// How an input is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952, one or several members.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// As it is.
    None,
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::None => "plain",
        })
    }
}

/// Opens a stream of stored bytes and gives the decoded ones.
pub fn open<'a>(
    mut source: impl Read + Send + 'a,
) -> io::Result<(Compression, Box<dyn Read + Send + 'a>)> {
    let head = read_head(&mut source)?;
    let compression = recognise(&head);
    let buffered = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(source));
    let decoded: Box<dyn Read + Send + 'a> = match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(buffered)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::None => Box::new(buffered),
    };
    Ok((compression, decoded))
}

/// The first four bytes, or all there are: a network may give them one by one.
fn read_head(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut head)?;
    Ok(head)
}

fn recognise(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    }
}
